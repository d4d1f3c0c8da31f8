import type { Fingerprint, ResultRow } from "../schema/result-row.ts";

/** What a run says of one test with one target, over its attempts. */
export interface CaseScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** Mean over attempts that could be judged; absent where none could. */
	readonly score?: number;
	readonly attempts: number;
	/** Attempts that could not be run or judged. */
	readonly errors: number;
	readonly fingerprint?: Fingerprint;
}

/** A case's name within a run. `vary` lists what is meant to differ between runs and so is no part of the name. */
export function caseKey(row: Pick<CaseScore, "eval" | "testId" | "target">, vary: ReadonlySet<string>): string {
	return JSON.stringify([row.eval, row.testId, ...(vary.has("target") ? [] : [row.target])]);
}

interface Sum {
	total: number;
	judged: number;
	attempts: number;
	last: ResultRow;
}

/** Puts the attempts of each case together: repeats are averaged within a test, never pooled. Keeps one row a case. */
export function caseScores(rows: Iterable<ResultRow>, vary: ReadonlySet<string> = new Set()): Map<string, CaseScore> {
	const sums = new Map<string, Sum>();
	for (const row of rows) {
		const key = caseKey(row, vary);
		const sum = sums.get(key) ?? { total: 0, judged: 0, attempts: 0, last: row };
		sum.attempts += 1;
		sum.last = row;
		if (row.executionStatus !== "execution_error") {
			sum.total += row.score;
			sum.judged += 1;
		}
		sums.set(key, sum);
	}
	return new Map([...sums].map(([key, sum]) => [key, caseScore(sum)]));
}

function caseScore({ total, judged, attempts, last }: Sum): CaseScore {
	return {
		eval: last.eval,
		testId: last.testId,
		target: last.target,
		attempts,
		errors: attempts - judged,
		...(judged > 0 ? { score: total / judged } : {}),
		...(last.fingerprint ? { fingerprint: last.fingerprint } : {}),
	};
}
