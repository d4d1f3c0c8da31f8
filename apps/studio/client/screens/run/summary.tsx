import type { ReactNode } from "react";
import type { RunAnswer } from "../../../server/answers/runs.ts";
import { PassBar } from "../../components/pass-bar.tsx";
import { cost, count, duration, percent, score } from "../../lib/format.ts";
import classes from "./summary.module.css";

/** The run's numbers in one strip. */
export function Summary({ run: { summary, planned } }: { run: RunAnswer }) {
	if (!summary) return null;
	const { passed, failed, errors, mean_score: mean, duration_ms: ms, cost_usd: usd, tokens } = summary;
	return (
		<dl className={classes.strip}>
			<Figure term="Pass rate" wide>
				<strong className={classes.rate}>{planned === 0 ? "–" : percent(passed / planned)}</strong>
				<PassBar counts={{ passed, failed, errors, planned }} words={false} />
			</Figure>
			<Figure term="Passed">{count(passed)}</Figure>
			<Figure term="Failed">{count(failed)}</Figure>
			<Figure term="Errors">{count(errors)}</Figure>
			<Figure term="Mean score">{mean === null ? "–" : score(mean)}</Figure>
			<Figure term="Duration">{duration(ms)}</Figure>
			{usd === null ? null : <Figure term="Cost">{cost(usd)}</Figure>}
			{tokens === null ? null : (
				<Figure term="Tokens in, out">{`${short(tokens.input)}, ${short(tokens.output)}`}</Figure>
			)}
		</dl>
	);
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
