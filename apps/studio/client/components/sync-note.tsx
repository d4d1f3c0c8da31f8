import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { cancelJob } from "../lib/actions.ts";
import { plural, shortSha } from "../lib/format.ts";
import { dismissActivity, type SyncActivity } from "../lib/sync-activity.ts";
import type { Tone } from "./mark.tsx";
import { Note } from "./note.tsx";
import { ProgressLine } from "./progress-line.tsx";
import classes from "./sync-note.module.css";

const outcomes: Readonly<Record<NonNullable<SyncActivity["result"]>["outcome"], readonly [Tone, string]>> = {
	synced: ["good", "Synced"],
	current: ["good", "Already up to date"],
	skipped: ["quiet", "Skipped"],
	refused: ["warn", "Sync refused: nothing was changed"],
	failed: ["bad", "Sync failed"],
};

/** What a benchmark's sync does now, or how it ended; in place. */
export function SyncNote({ benchmark, activity }: { benchmark: string; activity: SyncActivity }) {
	if (activity.running) return <Running activity={activity} />;
	return <Ended benchmark={benchmark} activity={activity} />;
}

function Running({ activity }: { activity: SyncActivity }) {
	const cancel = useMutation({
		mutationFn: cancelJob,
	});
	const { job } = activity;
	return (
		<div className={classes.running}>
			<ProgressLine
				label={activity.kind === "status" ? "Asking the remote" : activity.phase}
				percent={activity.percent}
			/>
			{job === undefined ? null : (
				<Button
					size="compact-xs"
					variant="default"
					disabled={cancel.isPending || cancel.isSuccess}
					onClick={() => cancel.mutate(job)}
				>
					Cancel
				</Button>
			)}
		</div>
	);
}

function Ended({ benchmark, activity }: { benchmark: string; activity: SyncActivity }) {
	const client = useQueryClient();
	const { result, error } = activity;
	const [tone, title] = result
		? outcomes[result.outcome]
		: error
			? (["bad", activity.kind === "status" ? "The remote could not be asked" : "Sync failed"] as const)
			: (["quiet", "Cancelled"] as const);
	return (
		<Note
			tone={tone}
			live
			title={title}
			action={
				<Button size="compact-xs" variant="subtle" color="gray" onClick={() => dismissActivity(client, benchmark)}>
					Dismiss
				</Button>
			}
		>
			<p>{result?.message ?? error?.message}</p>
			{result?.changes ? <p>{changed(result)}</p> : null}
			{error?.hint ? <p>{error.hint}</p> : null}
			{activity.recovered ? <p>{activity.recovered}</p> : null}
		</Note>
	);
}

function changed({ from, to, changes }: NonNullable<SyncActivity["result"]>): string {
	if (!changes) return "";
	const files = changes.added.length + changes.changed.length + changes.removed.length;
	const parts = [
		from && to && from !== to ? `${shortSha(from)} → ${shortSha(to)}` : "",
		changes.commits === null ? "" : plural(changes.commits, "commit"),
		plural(files, "file"),
		plural(changes.evals.length, "eval"),
	];
	return parts.filter((part) => part !== "").join(" · ");
}
