import type { ScoreAnswer } from "../../../server/answers/runs.ts";
import { Icon } from "../../components/icon.tsx";
import { Panel } from "../../components/panel.tsx";
import { score, usage } from "../../lib/format.ts";
import classes from "./assertions.module.css";

/** Every grader with its score, and what it found with its evidence. */
export function Assertions({ scores }: { scores: readonly ScoreAnswer[] }) {
	const count = (wanted: ScoreAnswer["verdict"]) => scores.filter(({ verdict }) => verdict === wanted).length;
	const open = count("not_judged");
	return (
		<Panel
			title="Assertions"
			aside={
				scores.length === 0
					? undefined
					: `${count("pass")} of ${scores.length} graders passed${open > 0 ? `, ${open} not graded` : ""}`
			}
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

const icons = { pass: "check", fail: "cross", not_judged: "warning" } as const;
const words = { pass: "Passed", fail: "Failed", not_judged: "Not graded" } as const;

function Score({ score: one }: { score: ScoreAnswer }) {
	const { name, type, score: value, weight, verdict, assertions, parts } = one;
	return (
		<li className={classes.score}>
			<div className={classes.head} data-verdict={verdict}>
				<Icon name={icons[verdict]} />
				<span className={classes.verdict}>{words[verdict]}: </span>
				<strong>{name}</strong>
				{type === name ? null : <span className="dim">{type}</span>}
				<span className={classes.value}>
					{value === null ? "not graded" : score(value)}
					{weight === 1 ? null : <span className="dim"> × {weight}</span>}
				</span>
			</div>
			<Remarks score={one} />
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

/** Why a grader gave no score, that it states a failure, and what its model used. */
function Remarks({ score: { error, veto, usage: used } }: { score: ScoreAnswer }) {
	const spent = used ? usage(used) : undefined;
	return (
		<>
			{veto ? <p className={classes.veto}>It states that the answer fails, although its score would pass.</p> : null}
			{error ? (
				<p className={classes.error}>
					{error.message} <span className="dim mono">{error.code}</span>
				</p>
			) : null}
			{used ? (
				<p className={classes.used}>
					graded by <span className="mono">{used.model ?? used.target}</span>
					{spent === undefined ? "" : `: ${spent}`}
				</p>
			) : null}
		</>
	);
}
