import type { LastSyncAnswer } from "../../server/answers/benchmarks.ts";
import { shortSha } from "../lib/format.ts";
import { Time } from "./time.tsx";

/** When it was synced last, and from which commit to which; or why that failed. */
export function LastSync({ sync }: { sync: LastSyncAnswer | null }) {
	if (!sync) return <span className="dim">Never synced</span>;
	const at = <Time at={sync.finished_at ?? sync.started_at} />;
	if (sync.status === "running") return <span className="dim">Syncing since {at}</span>;
	if (sync.status === "failed")
		return (
			<span title={sync.message} style={{ color: "var(--bad)" }}>
				Failed {at}
			</span>
		);
	const moved = sync.to !== null && sync.from !== sync.to;
	return (
		<span>
			Synced {at}
			{sync.to ? (
				<span className="mono dim">
					{" "}
					{moved && sync.from ? `${shortSha(sync.from)} → ` : ""}
					{shortSha(sync.to)}
				</span>
			) : null}
		</span>
	);
}
