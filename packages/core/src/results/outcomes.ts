import { join } from "node:path";
import { readRunFile, readSummary, wholeLines } from "../eval/discover-evals.ts";
import type { Repeat } from "../eval/eval-types.ts";
import { caseKey } from "../eval/run-digest.ts";
import {
	executionStatuses,
	type Fingerprint,
	fingerprintParts,
	type ResultRow,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { type AttemptResult, caseResult, isDecided, SummaryBuilder } from "../grading/outcomes.ts";
import { readJson } from "../lib/json.ts";
import { boundedMean } from "../lib/numbers.ts";
import { type AttemptId, isFinished, isRunUnderWay } from "./read-run.ts";

interface Case {
	readonly name: Omit<AttemptId, "attempt">;
	readonly repeat: Repeat;
	readonly attempts: AttemptResult[];
	threshold: number;
}

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/** Adds up the planned cases of a run from its rows. */
export class TalliedCases {
	readonly #cases: ReadonlyMap<string, Case>;
	readonly #summary: SummaryBuilder;

	constructor({ planned, evals }: RunFile) {
		this.#summary = new SummaryBuilder(planned.length);
		this.#cases = new Map(
			planned.map(([index, testId, target, repeat]) => {
				const name = { eval: evals[index]?.file ?? "", testId, target };
				const of: Case = { name, repeat: repeat ?? once, attempts: [], threshold: 0 };
				return [caseKey(name.eval, name.testId, name.target), of];
			}),
		);
	}

	/** Counts an attempt; `result` is the recomputed one. Returns whether it was planned. */
	add(row: ResultRow, result: Pick<AttemptResult, "score" | "executionStatus">): boolean {
		const of = this.#cases.get(caseKey(row.eval, row.testId, row.target));
		if (!of || row.attempt < 1 || row.attempt > of.repeat.count) return false;
		this.#summary.addRow(row);
		of.attempts.push({ ...result, attempt: row.attempt, ...(row.error ? { error: row.error } : {}) });
		of.threshold = row.threshold;
		return true;
	}

	/** Also returns the first missing attempts of unfinished cases. Called once. */
	result(): { readonly summary: RunSummary; readonly finished: number; readonly missing: readonly AttemptId[] } {
		const missing: AttemptId[] = [];
		for (const { name, repeat, attempts, threshold } of this.#cases.values()) {
			if (isDecided(attempts, repeat)) this.#summary.addCase(caseResult(attempts, repeat, threshold));
			else missing.push({ ...name, attempt: firstMissing(attempts) });
		}
		return { summary: this.#summary.result(), finished: this.#cases.size - missing.length, missing };
	}
}

function firstMissing(attempts: readonly AttemptResult[]): number {
	const there = new Set(attempts.map(({ attempt }) => attempt));
	let attempt = 1;
	while (there.has(attempt)) attempt += 1;
	return attempt;
}

/** Fields of a row for comparisons. */
export interface AttemptScore {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
	/** 0 to 1; absent if the attempt was not graded. */
	readonly score?: number;
	/** Whether the tested agent kept it from being graded. */
	readonly isBroken?: boolean;
	readonly fingerprint?: Fingerprint;
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
	/** `unfinished`: interrupted or killed. */
	readonly state: "finished" | "unfinished" | "under way";
	/** Tests × targets. */
	readonly planned: number;
	readonly cases: readonly CaseScore[];
	/** 1-based numbers of invalid lines in `index.jsonl`. */
	readonly badLines: readonly number[];
}

/** Streams a run's rows for comparison. @throws AgentvError `not-found`, `config` */
export function readComparedRun(directory: string): ComparedRun {
	const run = readRunFile(directory);
	const state = stateOf(directory);
	const badLines: number[] = [];
	const cases = caseScores(attemptScores(directory, badLines));
	const { runId, experiment, startedAt, planned } = run;
	return { directory, runId, experiment, startedAt, state, planned: planned.length, cases, badLines };
}

function stateOf(directory: string): ComparedRun["state"] {
	if (isFinished(readSummary(directory))) return "finished";
	return isRunUnderWay(directory) ? "under way" : "unfinished";
}

/** Bypasses the rows' schema: reading few of many fields is several times as fast. */
function* attemptScores(directory: string, badLines: number[]): Generator<AttemptScore> {
	const known = new Map<string, string>();
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const read = readJson(text);
		const row = "value" in read ? attemptScore(read.value, known) : undefined;
		if (row) yield row;
		else badLines.push(line);
	}
}

function attemptScore(value: unknown, known: Map<string, string>): AttemptScore | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { test_id: testId, eval: label, target, attempt, score, execution_status, fingerprint, error } = value as Wire;
	const status = executionStatuses.find((one) => one === execution_status);
	if (typeof testId !== "string" || typeof label !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number" || typeof score !== "number" || !status) return undefined;
	const print = readFingerprint(fingerprint, known);
	return {
		...{ eval: shared(label, known), testId, target: shared(target, known), attempt },
		...(status !== "execution_error" ? { score } : isOfAgent(error) ? { isBroken: true } : {}),
		...(print ? { fingerprint: print } : {}),
	};
}

function isOfAgent(error: unknown): boolean {
	return typeof error === "object" && error !== null && (error as Wire)["caused_by"] === "agent";
}

type Wire = Readonly<Record<string, unknown>>;

function readFingerprint(value: unknown, known: Map<string, string>): Fingerprint | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const wire = value as Wire;
	if (!fingerprintParts.every((part) => typeof wire[part] === "string")) return undefined;
	const { test, graders, workspace, hooks, target } = wire as Fingerprint;
	return {
		...{ test, graders: shared(graders, known), workspace: shared(workspace, known) },
		...{ hooks: shared(hooks, known), target: shared(target, known) },
	};
}

/** Returns one shared copy of a repeated text. */
function shared(text: string, known: Map<string, string>): string {
	const copy = known.get(text);
	if (copy !== undefined) return copy;
	known.set(text, text);
	return text;
}

/** A case of both runs. */
export interface CasePair {
	readonly before: CaseScore;
	readonly after: CaseScore;
}

/** Different names for the same thing in the first and second run. */
export type Renamed = readonly [before: string, after: string];

export interface CaseMatching {
	readonly pairs: readonly CasePair[];
	readonly new: readonly CaseScore[];
	readonly gone: readonly CaseScore[];
	/** Evals with another name in the second run, such as a bundle's eval. */
	readonly evals: readonly Renamed[];
	/** Targets with another name in the second run. */
	readonly targets: readonly Renamed[];
}

/**
 * Matches the cases of two runs. Evals and targets match by name; among the others, evals with the
 * same questions match (a bundle and its source, a moved file), and targets with the same settings,
 * or the only remaining ones of an eval. Swapping the runs swaps the result.
 */
export function matchCases(before: readonly CaseScore[], after: readonly CaseScore[]): CaseMatching {
	const first = byEval(before);
	const second = byEval(after);
	const evals = matchNames(first, second, ({ testId, fingerprint }) => fingerprint && [testId, fingerprint.test]);
	const pairs: CasePair[] = [];
	const targets = new Map<string, Renamed>();
	for (const [one, two] of evals) {
		const [earlier, later] = [first.get(one) ?? [], second.get(two) ?? []];
		const names = matchTargets(earlier, later);
		for (const renamed of names) if (renamed[0] !== renamed[1]) targets.set(JSON.stringify(renamed), renamed);
		pairs.push(...pairUp(earlier, later, new Map(names)));
	}
	const found = new Set<CaseScore>(pairs.flatMap((pair) => [pair.before, pair.after]));
	return {
		pairs,
		new: after.filter((one) => !found.has(one)),
		gone: before.filter((one) => !found.has(one)),
		evals: evals.filter(([one, two]) => one !== two),
		targets: [...targets.values()],
	};
}

function byEval(cases: readonly CaseScore[]): Map<string, CaseScore[]> {
	return groups(cases, (one) => one.eval);
}

function matchTargets(before: readonly CaseScore[], after: readonly CaseScore[]): Renamed[] {
	const first = groups(before, ({ target }) => target);
	const second = groups(after, ({ target }) => target);
	const matched = matchNames(first, second, ({ testId, fingerprint }) => fingerprint && [testId, fingerprint.target]);
	const left = (all: ReadonlyMap<string, unknown>, side: 0 | 1) => {
		const taken = new Set(matched.map((pair) => pair[side]));
		return [...all.keys()].filter((name) => !taken.has(name));
	};
	const [one, ...others] = left(first, 0);
	const [two, ...more] = left(second, 1);
	const isOnly = one !== undefined && two !== undefined && others.length === 0 && more.length === 0;
	return isOnly ? [...matched, [one, two]] : matched;
}

/** What a case says about a thing to match; things with equal evidence can match. */
type Evidence = (one: CaseScore) => readonly string[] | undefined;

/** Matches equal names, then the others by most common evidence. */
function matchNames(
	before: ReadonlyMap<string, readonly CaseScore[]>,
	after: ReadonlyMap<string, readonly CaseScore[]>,
	evidence: Evidence,
): Renamed[] {
	const equal = [...before.keys()].filter((name) => after.has(name));
	const named = new Set(equal);
	const rest = (all: ReadonlyMap<string, readonly CaseScore[]>) => [...all].filter(([name]) => !named.has(name));
	const matched: Renamed[] = equal.map((name) => [name, name]);
	const taken = [new Set<string>(), new Set<string>()] as const;
	for (const { pair } of agreements(rest(before), rest(after), evidence)) {
		if (taken[0].has(pair[0]) || taken[1].has(pair[1])) continue;
		taken[0].add(pair[0]);
		taken[1].add(pair[1]);
		matched.push(pair);
	}
	return matched;
}

interface Agreement {
	readonly pair: Renamed;
	count: number;
}

type Named = readonly (readonly [name: string, cases: readonly CaseScore[]])[];

/** Sorts by strength, with ties independent of which run is first. */
function agreements(before: Named, after: Named, evidence: Evidence): Agreement[] {
	const holders = new Map<string, Set<string>>();
	for (const [name, cases] of before)
		for (const key of pieces(cases, evidence)) {
			const names = holders.get(key);
			if (names) names.add(name);
			else holders.set(key, new Set([name]));
		}
	const found = new Map<string, Agreement>();
	for (const [name, cases] of after)
		for (const key of pieces(cases, evidence))
			for (const holder of holders.get(key) ?? []) {
				const id = JSON.stringify([holder, name].sort());
				const known = found.get(id);
				if (known) known.count += 1;
				else found.set(id, { pair: [holder, name], count: 1 });
			}
	return [...found].sort(([a, one], [b, two]) => two.count - one.count || (a < b ? -1 : 1)).map(([, one]) => one);
}

function pieces(cases: readonly CaseScore[], evidence: Evidence): ReadonlySet<string> {
	return new Set(cases.map(evidence).flatMap((piece) => (piece ? JSON.stringify(piece) : [])));
}

function pairUp(
	before: readonly CaseScore[],
	after: readonly CaseScore[],
	targets: ReadonlyMap<string, string>,
): CasePair[] {
	const later = new Map<string, Map<string, CaseScore>>();
	for (const [target, cases] of groups(after, (one) => one.target))
		later.set(target, new Map(cases.map((one) => [one.testId, one])));
	return before.flatMap((one) => {
		const target = targets.get(one.target);
		const two = target === undefined ? undefined : later.get(target)?.get(one.testId);
		return two ? [{ before: one, after: two }] : [];
	});
}

function groups<Item>(items: readonly Item[], nameOf: (item: Item) => string): Map<string, Item[]> {
	const found = new Map<string, Item[]>();
	for (const item of items) {
		const name = nameOf(item);
		const group = found.get(name);
		if (group) group.push(item);
		else found.set(name, [item]);
	}
	return found;
}
