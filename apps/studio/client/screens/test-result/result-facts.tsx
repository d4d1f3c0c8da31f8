import type { TestResultAnswer } from "../../../server/answers/runs.ts";
import { TextView } from "../../components/code/text-view.tsx";
import { Fact, Facts } from "../../components/facts.tsx";
import { Panel } from "../../components/panel.tsx";
import { cost, count, duration, moment } from "../../lib/format.ts";

/** What else is known of an attempt. */
export function ResultFacts({ result }: { result: TestResultAnswer }) {
	const { tokens, metadata } = result;
	return (
		<>
			<Panel title="Details">
				<Facts>
					<Fact term="Duration">{duration(result.duration_ms)}</Fact>
					{result.cost_usd === null ? null : <Fact term="Cost">{cost(result.cost_usd)}</Fact>}
					{tokens === null ? null : (
						<Fact term="Tokens">
							{count(tokens.input)} in, {count(tokens.output)} out
						</Fact>
					)}
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
