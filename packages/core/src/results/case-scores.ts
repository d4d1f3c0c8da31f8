import { readRunFile, readSummary } from "../eval/discover-evals.ts";
import { caseKey } from "../eval/run-digest.ts";
import { type Fingerprint, fingerprintParts, type TableRow } from "../format/run-file.ts";
import { isBrokenByAgent } from "../grading/outcomes.ts";
import { boundedMean } from "../lib/numbers.ts";
import { type RunState, runState } from "./find-runs.ts";
import { tableRows } from "./read-run.ts";

/** Fields of a row for comparisons. */
export interface AttemptScore extends Pick<TableRow, "eval" | "testId" | "target" | "attempt" | "fingerprint"> {
	/** 0 to 1; absent if the attempt was not graded. */
	readonly score?: number;
	/** Whether the tested agent kept it from being graded. */
	readonly isBroken?: boolean;
}

/** The result of one test with one target, over its attempts. */
export interface CaseScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** Mean over the graded attempts; absent if there are none. */
	readonly score?: number;
	/** Like `score`, counting 0 for attempts that the agent broke; absent if others broke all. */
	readonly lowest?: number;
	readonly attempts: number;
	/** Attempts that were not graded. */
	readonly errors: number;
	/** Of the graded attempts; absent if one has none. Differing parts list all digests. */
	readonly fingerprint?: Fingerprint;
}

/**
 * Combines the attempts of each case: repeats are averaged within a test, never pooled. For an
 * attempt that was run again the last one counts. Ordered by first attempt.
 */
export function caseScores(rows: Iterable<AttemptScore>): CaseScore[] {
	const cases = new Map<string, Map<number, AttemptScore>>();
	for (const row of rows) {
		const key = caseKey(row.eval, row.testId, row.target);
		const attempts = cases.get(key);
		if (attempts) attempts.set(row.attempt, row);
		else cases.set(key, new Map([[row.attempt, row]]));
	}
	return [...cases.values()].flatMap((attempts) => caseScore([...attempts.values()]) ?? []);
}

function caseScore(attempts: readonly AttemptScore[]): CaseScore | undefined {
	const [first] = attempts;
	if (!first) return undefined;
	const scores = attempts.flatMap(({ score }) => score ?? []);
	const graded = attempts.filter(({ score }) => score !== undefined);
	const total = scores.reduce((sum, score) => sum + score, 0);
	const { mean, lowerBound } = boundedMean({
		...{ total, n: scores.length, lowestTotal: total, planned: attempts.length },
		broken: attempts.filter(({ isBroken }) => isBroken).length,
	});
	const fingerprint = commonFingerprint(graded.length > 0 ? graded : attempts);
	return {
		...{ eval: first.eval, testId: first.testId, target: first.target },
		attempts: attempts.length,
		errors: attempts.length - scores.length,
		...(mean === null ? {} : { score: mean }),
		...(lowerBound === null ? {} : { lowest: lowerBound }),
		...(fingerprint ? { fingerprint } : {}),
	};
}

/** Attempts differ if files changed between the run and its resumption. */
function commonFingerprint(attempts: readonly AttemptScore[]): Fingerprint | undefined {
	const prints = attempts.flatMap(({ fingerprint }) => fingerprint ?? []);
	const [first, ...others] = prints;
	if (!first || prints.length < attempts.length) return undefined;
	if (others.every((other) => fingerprintParts.every((part) => other[part] === first[part]))) return first;
	const all = (part: keyof Fingerprint) => [...new Set(prints.map((print) => print[part]))].sort().join("+");
	return {
		...{ test: all("test"), graders: all("graders"), workspace: all("workspace") },
		...{ hooks: all("hooks"), target: all("target") },
	};
}

/** A run for comparison. */
export interface ComparedRun {
	/** Absolute. */
	readonly directory: string;
	readonly runId: string;
	readonly experiment: string;
	readonly startedAt: string;
	readonly state: RunState;
	/** Tests × targets. */
	readonly planned: number;
	readonly cases: readonly CaseScore[];
	/** 1-based numbers of invalid lines in `index.jsonl`. */
	readonly badLines: readonly number[];
}

/** Streams a run's rows for comparison. @throws AgentvError `not-found`, `config` */
export function readComparedRun(directory: string): ComparedRun {
	const { runId, experiment, startedAt, planned } = readRunFile(directory);
	const state = runState(directory, readSummary(directory));
	const badLines: number[] = [];
	const cases = caseScores(attemptScores(directory, badLines));
	return { directory, runId, experiment, startedAt, state, planned: planned.length, cases, badLines };
}

function* attemptScores(directory: string, badLines: number[]): Generator<AttemptScore> {
	for (const row of tableRows(directory, badLines)) {
		const { eval: label, testId, target, attempt, score, executionStatus, fingerprint } = row;
		const isGraded = executionStatus !== "execution_error";
		yield {
			...{ eval: label, testId, target, attempt, fingerprint },
			...(isGraded ? { score } : { isBroken: isBrokenByAgent(row) }),
		};
	}
}
