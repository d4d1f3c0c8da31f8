import type { RegradeChoice } from "../grading/grade-answer.ts";
import { caseKey } from "../model/case-key.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunContext } from "./attempt-context.ts";
import { RecordedAttempt, type Regrading } from "./recorded-attempt.ts";
import { originKey } from "./run-origin.ts";
import { type PlannedCase, type RunPlan, recordedKey } from "./run-plan.ts";

/**
 * Finds the records of attempts whose answers are graded instead of calling the target: of the resumed run those that only lack the results
 * of some graders, else those of the run that is graded again.
 * @param retried rows of the resumed run, in `directory`
 */
export function recordedAttempts(
	{ origin, redact }: RunPlan,
	retried: readonly ResultRow[],
	directory: string,
): RunContext["recorded"] {
	const findRetried = finder(retried, (planned) => recordedKey(planned, redact));
	const findOrigin = origin?.kind === "regrade" && finder(origin.rows, (one) => originKey(one, origin, redact));
	return (planned, attempt) => {
		const row = findRetried(planned, attempt);
		const own = row && new RecordedAttempt(directory, row, { choose: chooseMissing, sameRun: true, redact });
		// Without its answer as it was given, the target is called again: only a regrade never calls it.
		if (own?.isReadable && (findOrigin || !own.isRedacted)) return own;
		if (!origin || !findOrigin) return undefined;
		const regrading: Regrading = { choose: chooseNamed(origin.graders), sameRun: false, redact };
		return new RecordedAttempt(origin.directory, findOrigin(planned, attempt), regrading);
	};
}

type FindRow = (planned: PlannedCase, attempt: number) => ResultRow | undefined;

function finder(rows: readonly ResultRow[], keyOf: (planned: PlannedCase) => string): FindRow {
	const byKey = new Map(rows.map((row) => [`${row.attempt} ${caseKey(row.eval, row.testId, row.target)}`, row]));
	return (planned, attempt) => byKey.get(`${attempt} ${keyOf(planned)}`);
}

/** Runs the graders again that gave no score; of a composite only the parts that gave none. */
function chooseMissing(_: Assertion, { score, parts }: GradedRecord): RegradeChoice {
	if (score !== null) return "keep";
	return parts ? "parts" : "regrade";
}

/** Runs the named graders again, and the composites around them; without names all. */
function chooseNamed(names: readonly string[] | undefined): (assertion: Assertion) => RegradeChoice {
	if (!names) return () => "regrade";
	const isNamed = (name: string) => names.includes(name);
	const holds = (assertion: Assertion): boolean =>
		assertion.parts?.some((part) => isNamed(part.name) || holds(part)) ?? false;
	return (assertion) => (isNamed(assertion.name) ? "regrade" : holds(assertion) ? "parts" : "keep");
}
