import { boundedMean } from "../base/bounded-mean.ts";
import { caseKey } from "../model/case-key.ts";
import { type Fingerprint, fingerprintParts } from "../schema/result-row.ts";

/** What comparing takes of a row. */
export interface AttemptScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** From 1. */
	readonly attempt: number;
	/** From 0 to 1; absent if the attempt was not graded. */
	readonly score?: number;
	/** Whether the tested agent kept it from being judged. */
	readonly isBroken?: boolean;
	readonly fingerprint?: Fingerprint;
}

/** What a run says of one test with one target, over its attempts. */
export interface CaseScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** Mean over the attempts that could be judged; absent where none could. */
	readonly score?: number;
	/** The same with 0 for each attempt that the tested agent kept from being judged; absent where others broke all of them. */
	readonly lowest?: number;
	readonly attempts: number;
	/** Attempts that were not graded. */
	readonly errors: number;
	/** Of the judged attempts; absent where one of them has none. A part in which they differ holds all of its digests. */
	readonly fingerprint?: Fingerprint;
}

/**
 * Puts the attempts of each case together: repeats are averaged within a test, never pooled. Of an attempt that was run again the last
 * counts. The order of the answer is that of the first attempts.
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
	const judged = attempts.filter(({ score }) => score !== undefined);
	const total = scores.reduce((sum, score) => sum + score, 0);
	const { mean, lowerBound } = boundedMean({
		...{ total, n: scores.length, lowestTotal: total, planned: attempts.length },
		broken: attempts.filter(({ isBroken }) => isBroken).length,
	});
	const fingerprint = commonFingerprint(judged.length > 0 ? judged : attempts);
	return {
		...{ eval: first.eval, testId: first.testId, target: first.target },
		attempts: attempts.length,
		errors: attempts.length - scores.length,
		...(mean === null ? {} : { score: mean }),
		...(lowerBound === null ? {} : { lowest: lowerBound }),
		...(fingerprint ? { fingerprint } : {}),
	};
}

/** Attempts of one run may differ where files were changed between the run and its resumption. */
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
