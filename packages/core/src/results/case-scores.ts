import { readRunFile, readSummary } from "../eval/discover-evals.ts";
import { caseKey } from "../eval/run-digest.ts";
import { type Fingerprint, fingerprintParts, type TableRow } from "../format/run-file.ts";
import { isBrokenByAgent } from "../grading/outcomes.ts";
import { boundedMean } from "../lib/text.ts";
import { type RunState, runState, tableRows } from "./read-run.ts";

export interface AttemptScore extends Pick<TableRow, "eval" | "testId" | "target" | "attempt" | "fingerprint"> {
	/** From 0 to 1; absent if the attempt was not graded. */
	readonly score?: number;
	readonly isBroken?: boolean;
}

export interface CaseScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	readonly score?: number;
	/** Like `score`, with 0 for attempts that the agent broke; absent if others broke all. */
	readonly lowest?: number;
	readonly attempts: number;
	readonly errors: number;
	/** Absent if a graded attempt has none; parts that differ list all digests. */
	readonly fingerprint?: Fingerprint;
}

/** Averages repeats within a test, never pooled; the last run of an attempt counts. */
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

/** Reads a run for comparison, row by row. @throws AgentvError `not-found`, `config` */
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

export interface CasePair {
	readonly before: CaseScore;
	readonly after: CaseScore;
}

/** Names of the same thing in the first and the second run. */
export type Renamed = readonly [before: string, after: string];

interface CaseMatching {
	readonly pairs: readonly CasePair[];
	readonly new: readonly CaseScore[];
	readonly gone: readonly CaseScore[];
	readonly evals: readonly Renamed[];
	readonly targets: readonly Renamed[];
}

/**
 * Matches evals and targets by name, then evals with the same questions (a bundle and its source, a
 * moved file) and targets with the same settings. Swapping the runs swaps the result.
 */
export function matchCases(before: readonly CaseScore[], after: readonly CaseScore[]): CaseMatching {
	const [evalsBefore, evalsAfter] = [groupBy("eval", before), groupBy("eval", after)];
	const evals = matchNames(evalsBefore, evalsAfter, "test");
	const pairs: CasePair[] = [];
	const targets = new Map<string, Renamed>();
	for (const [nameBefore, nameAfter] of evals) {
		const targetsBefore = groupBy("target", evalsBefore.get(nameBefore) ?? []);
		const targetsAfter = groupBy("target", evalsAfter.get(nameAfter) ?? []);
		for (const renamed of matchTargets(targetsBefore, targetsAfter)) {
			if (renamed[0] !== renamed[1]) targets.set(JSON.stringify(renamed), renamed);
			const later = new Map((targetsAfter.get(renamed[1]) ?? []).map((tested) => [tested.testId, tested]));
			for (const tested of targetsBefore.get(renamed[0]) ?? []) {
				const match = later.get(tested.testId);
				if (match) pairs.push({ before: tested, after: match });
			}
		}
	}
	const matched = new Set(pairs.flatMap((pair) => [pair.before, pair.after]));
	return {
		pairs,
		new: after.filter((tested) => !matched.has(tested)),
		gone: before.filter((tested) => !matched.has(tested)),
		evals: evals.filter(([nameBefore, nameAfter]) => nameBefore !== nameAfter),
		targets: [...targets.values()],
	};
}

type Groups = ReadonlyMap<string, readonly CaseScore[]>;

function groupBy(key: "eval" | "target", cases: readonly CaseScore[]): Groups {
	const groups = new Map<string, CaseScore[]>();
	for (const tested of cases) {
		const group = groups.get(tested[key]);
		if (group) group.push(tested);
		else groups.set(tested[key], [tested]);
	}
	return groups;
}

function matchTargets(before: Groups, after: Groups): Renamed[] {
	const matched = matchNames(before, after, "target");
	const [onlyBefore, ...othersBefore] = [...before.keys()].filter((name) => matched.every(([own]) => own !== name));
	const [onlyAfter, ...othersAfter] = [...after.keys()].filter((name) => matched.every(([, own]) => own !== name));
	const isOnly = othersBefore.length === 0 && othersAfter.length === 0;
	if (isOnly && onlyBefore !== undefined && onlyAfter !== undefined) matched.push([onlyBefore, onlyAfter]);
	return matched;
}

function matchNames(before: Groups, after: Groups, part: "test" | "target"): Renamed[] {
	const matched: Renamed[] = [...before.keys()].filter((name) => after.has(name)).map((name) => [name, name]);
	const usedBefore = new Set(matched.map(([name]) => name));
	const usedAfter = new Set(usedBefore);
	const unmatched = (groups: Groups) => [...groups].filter(([name]) => !usedBefore.has(name));
	for (const pair of agreements(unmatched(before), unmatched(after), part)) {
		if (usedBefore.has(pair[0]) || usedAfter.has(pair[1])) continue;
		usedBefore.add(pair[0]);
		usedAfter.add(pair[1]);
		matched.push(pair);
	}
	return matched;
}

type Named = readonly (readonly [name: string, cases: readonly CaseScore[]])[];

/** Strongest first; ties are independent of which run is first. */
function agreements(before: Named, after: Named, part: "test" | "target"): Renamed[] {
	const holders = new Map<string, Set<string>>();
	for (const [name, cases] of before)
		for (const key of evidence(cases, part)) holders.set(key, (holders.get(key) ?? new Set()).add(name));
	const counts = new Map<string, { readonly pair: Renamed; count: number }>();
	for (const [name, cases] of after)
		for (const key of evidence(cases, part))
			for (const holder of holders.get(key) ?? []) {
				const id = JSON.stringify([holder, name].sort());
				const known = counts.get(id) ?? { pair: [holder, name], count: 0 };
				known.count += 1;
				counts.set(id, known);
			}
	const sorted = [...counts].sort(([idA, a], [idB, b]) => b.count - a.count || (idA < idB ? -1 : 1));
	return sorted.map(([, { pair }]) => pair);
}

function evidence(cases: readonly CaseScore[], part: "test" | "target"): ReadonlySet<string> {
	return new Set(
		cases.flatMap(({ testId, fingerprint }) => (fingerprint ? JSON.stringify([testId, fingerprint[part]]) : [])),
	);
}
