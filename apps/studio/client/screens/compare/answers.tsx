import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ComparisonAnswer } from "../../../server/answers/compare.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Choice } from "../../components/field.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { RichText } from "../../components/rich-text.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { score } from "../../lib/format.ts";
import { testResultQuery } from "../../lib/queries.ts";
import classes from "./compare.module.css";

interface AnswersProps {
	readonly comparison: ComparisonAnswer;
	readonly opened: ComparisonAnswer["cases"]["items"][number];
	readonly onClose: () => void;
}

/** Both answers to one test, side by side. */
export default function Answers({ comparison, opened, onClose }: AnswersProps) {
	const [before, after] = opened.rows;
	return (
		<Dialog title={opened.test_id} onClose={onClose} wide>
			<div className={classes.answers}>
				<Side title="Before" run={comparison.before} rows={before} />
				<Side title="After" run={comparison.after} rows={after} />
			</div>
		</Dialog>
	);
}

function Side({ title, run, rows }: { title: string; run: string; rows: readonly string[] }) {
	const [attempt, setAttempt] = useState(0);
	const row = rows[attempt];
	return (
		<section aria-label={title}>
			<div className={classes.sideHead}>
				<h3>{title}</h3>
				{rows.length > 1 ? (
					<Choice
						label="Attempt"
						value={String(attempt)}
						options={rows.map((_, index) => [String(index), `${index + 1} of ${rows.length}`] as const)}
						onChange={(next) => setAttempt(Number(next))}
					/>
				) : null}
			</div>
			{row === undefined ? <p className="dim">It has no such test.</p> : <Answer run={run} row={row} />}
		</section>
	);
}

function Answer({ run, row }: { run: string; row: string }) {
	const result = useQuery(testResultQuery(run, row));
	return (
		<LoadState query={result}>
			{({ status, score: value, output, error, scores }) => (
				<>
					<p className={classes.answerHead}>
						<StatusMark status={status} />
						{status === "execution_error" ? null : `score ${score(value)}`}
						<Link to="/runs/$run/tests/$test" params={{ run, test: row }}>
							All of it
						</Link>
					</p>
					{error ? <p>{error.message}</p> : null}
					<ul className={classes.graders}>
						{scores.map((one, index) => (
							// biome-ignore lint/suspicious/noArrayIndexKey: graders may share a name
							<li key={index}>
								{one.name}{" "}
								{one.score === null ? (
									<span className="dim">not graded</span>
								) : (
									<span className={one.verdict === "pass" ? classes.up : classes.down}>{score(one.score)}</span>
								)}
							</li>
						))}
					</ul>
					<RichText label="the output" text={output ?? ""} />
				</>
			)}
		</LoadState>
	);
}
