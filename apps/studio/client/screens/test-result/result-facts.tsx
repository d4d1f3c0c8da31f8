import type { TestResultAnswer } from "../../../server/answers/runs.ts";
import { TextView } from "../../components/code/text-view.tsx";
import { Fact, Facts } from "../../components/facts.tsx";
import { Panel } from "../../components/panel.tsx";
import { cost, duration, moment, usage } from "../../lib/format.ts";

/** What a cached answer took when it was made. */
function cachedText(cached: NonNullable<TestResultAnswer["cached"]>): string {
	const parts = [usage(cached), cached.duration_ms === null ? undefined : duration(cached.duration_ms)];
	const known = parts.filter((part) => part !== undefined);
	return known.length === 0 ? "yes" : `took ${known.join(", ")} when it was made`;
}

/** What else is known of an attempt. */
export function ResultFacts({ result }: { result: TestResultAnswer }) {
	const { judging, cached, metadata } = result;
	const target = usage(result);
	const judged = judging ? usage(judging) : undefined;
	return (
		<>
			<Panel title="Details">
				<Facts>
					<Fact term="Duration">{duration(result.duration_ms)}</Fact>
					{target === undefined ? null : <Fact term={judging ? "Target" : "Cost and tokens"}>{target}</Fact>}
					{judged === undefined ? null : <Fact term="Judging">{judged}</Fact>}
					{result.cost_usd !== null && judging && judging.cost_usd !== null ? (
						<Fact term="Total cost">{cost(result.cost_usd + judging.cost_usd)}</Fact>
					) : null}
					{result.stop_reason === null ? null : <Fact term="Stop reason">{result.stop_reason}</Fact>}
					{cached === null ? null : <Fact term="From the cache">{cachedText(cached)}</Fact>}
					{result.rerun ? <Fact term="Rerun">made again, because something that it depends on had changed</Fact> : null}
					<Fact term="Finished">{moment(result.timestamp)}</Fact>
					<Fact term="Eval">
						<span className="mono">{result.eval}</span>
					</Fact>
					{result.workspace_path === null ? null : (
						<Fact term="Workspace, kept">
							<span className="mono">{result.workspace_path}</span>
						</Fact>
					)}
				</Facts>
			</Panel>
			{Object.keys(metadata).length > 0 ? (
				<Panel title="Metadata">
					<TextView label="Metadata" text={JSON.stringify(metadata, null, 2)} />
				</Panel>
			) : null}
		</>
	);
}
