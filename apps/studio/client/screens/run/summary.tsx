import type { ReactNode } from "react";
import type { RunAnswer, RunSummaryAnswer } from "../../../server/answers/runs.ts";
import { PassBar } from "../../components/pass-bar.tsx";
import { bound, cost, count, duration, percent, score } from "../../lib/format.ts";
import classes from "./summary.module.css";

/** The run's numbers in one strip. */
export function Summary({ run: { summary, planned } }: { run: RunAnswer }) {
	if (!summary) return null;
	const { passed, failed, errors, not_run: left, mean_score: mean, duration_ms: ms } = summary;
	const limits = bound({ mean, lower: summary.mean_score_lower_bound, n: summary.judged, planned }, score);
	return (
		<dl className={classes.strip}>
			<Figure term="Pass rate" wide>
				<strong className={classes.rate}>{planned === 0 ? "–" : percent(passed / planned)}</strong>
				<PassBar counts={{ passed, failed, errors, planned }} words={false} />
			</Figure>
			<Figure term="Passed">{count(passed)}</Figure>
			<Figure term="Failed">{count(failed)}</Figure>
			<Figure term="Not graded">{count(errors)}</Figure>
			{left > 0 ? <Figure term="Not run">{count(left)}</Figure> : null}
			<Figure term="Mean score">
				{mean === null ? "–" : score(mean)} {limits === "" ? null : <span className="dim">({limits})</span>}
			</Figure>
			<Figure term="Duration">{duration(ms)}</Figure>
			<Spending summary={summary} />
		</dl>
	);
}

/** Money and tokens of the target, those of models that grade, and both together. */
function Spending({ summary }: { summary: RunSummaryAnswer }) {
	const { cost_usd: usd, tokens, judging } = summary;
	const judgingUsd = judging?.cost_usd ?? null;
	const judgingTokens = judging?.tokens ?? null;
	const whose = judging ? "Target " : "";
	return (
		<>
			{usd === null ? null : <Figure term={judging ? "Target cost" : "Cost"}>{cost(usd)}</Figure>}
			{judgingUsd === null ? null : <Figure term="Judging cost">{cost(judgingUsd)}</Figure>}
			{usd === null || judgingUsd === null ? null : <Figure term="Total cost">{cost(usd + judgingUsd)}</Figure>}
			{tokens === null ? null : (
				<Figure term={`${whose}${whose ? "tokens" : "Tokens"} in, out`}>{tokenText(tokens)}</Figure>
			)}
			{judgingTokens === null ? null : <Figure term="Judging tokens in, out">{tokenText(judgingTokens)}</Figure>}
		</>
	);
}

function tokenText({ input, output }: NonNullable<RunSummaryAnswer["tokens"]>): string {
	return `${short(input)}, ${short(output)}`;
}

function Figure({ term, wide, children }: { term: string; wide?: boolean; children: ReactNode }) {
	return (
		<div data-wide={wide || undefined}>
			<dt>{term}</dt>
			<dd>{children}</dd>
		</div>
	);
}

/** `1.2 M`, `88 k`. */
function short(value: number): string {
	if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
	return value >= 1e4 ? `${Math.round(value / 1e3)} k` : count(value);
}
