import type { ScoreAnswer } from "../../../server/answers/runs.ts";
import { Icon } from "../../components/icon.tsx";
import { Panel } from "../../components/panel.tsx";
import { score } from "../../lib/format.ts";
import classes from "./assertions.module.css";

/** Every grader with its score, and what it found with its evidence. */
export function Assertions({ scores }: { scores: readonly ScoreAnswer[] }) {
	const passed = scores.filter(({ verdict }) => verdict === "pass").length;
	return (
		<Panel
			title="Assertions"
			aside={scores.length === 0 ? undefined : `${passed} of ${scores.length} graders passed`}
			flush
		>
			{scores.length === 0 ? <p className={classes.none}>Nothing was judged.</p> : <Scores scores={scores} />}
		</Panel>
	);
}

function Scores({ scores }: { scores: readonly ScoreAnswer[] }) {
	return (
		<ul className={classes.scores}>
			{scores.map((one, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: graders may share a name
				<Score key={index} score={one} />
			))}
		</ul>
	);
}

function Score({ score: { name, type, score: value, weight, verdict, assertions, parts } }: { score: ScoreAnswer }) {
	return (
		<li className={classes.score}>
			<div className={classes.head} data-verdict={verdict}>
				<Icon name={verdict === "pass" ? "check" : "cross"} />
				<strong>{name}</strong>
				{type === name ? null : <span className="dim">{type}</span>}
				<span className={classes.value}>
					{score(value)}
					{weight === 1 ? null : <span className="dim"> × {weight}</span>}
				</span>
			</div>
			{assertions.length > 0 ? (
				<ul className={classes.assertions}>
					{assertions.map(({ text, passed, evidence }, index) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: a grader may say the same twice
						<li key={index} data-verdict={passed ? "pass" : "fail"}>
							<Icon name={passed ? "check" : "cross"} size={12} />
							<div>
								<span className={classes.verdict}>{passed ? "Passed: " : "Failed: "}</span>
								{text}
								{evidence ? <p className={classes.evidence}>{evidence}</p> : null}
							</div>
						</li>
					))}
				</ul>
			) : null}
			{parts.length > 0 ? <Scores scores={parts} /> : null}
		</li>
	);
}
