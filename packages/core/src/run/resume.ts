import { join } from "node:path";
import { parseRow, readIndex, readRunFile, rowKey, wholeLines } from "../eval/discover-evals.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { caseKey } from "../eval/run-digest.ts";
import {
	type Fingerprint,
	graderStage,
	type PlannedTargetRecord,
	type PlannedTest,
	type ResultRow,
	type RunFile,
} from "../format/run-file.ts";
import { checkAttemptRecord } from "../grading/attempt-record.ts";
import { type AttemptResult, type CaseResult, caseResult, isDecided, missingAttempts } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";
import { listDirectory } from "../machine/directories.ts";
import { pathKind } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { clearPlace, writeAtomic } from "../machine/write-file.ts";
import { ChangeNames, type PlanChanges, planChanges, refuseOtherEvals, sameTests } from "./check-plan.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { recordedCommits } from "./recorded-attempt.ts";
import { type PlannedCase, plannedList, type RunPlan, recordedKey } from "./run-plan.ts";
import { coverageOf } from "./shards.ts";

/** Where a run stands as it begins. */
export interface Standing {
	/** Of all cases of the plan, in its order. */
	readonly states: readonly CaseState[];
	/** Those that are for this run to settle: without what another run has done. */
	readonly own: readonly CaseState[];
	/** What this run recorded before it was taken up again, without what is run again. */
	readonly before: readonly ResultRow[];
	/** Rows of it with an answer on record that only lack the results of graders: those graders run again. */
	readonly regraded: readonly ResultRow[];
	/** Its record, where it is taken up again. */
	readonly run?: RunFile;
	/** Where only what another run left is run: that run, and what it left. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

export interface TakeUpOptions {
	/** Of the run that is taken up again; absent: a new one. */
	readonly directory?: string;
	readonly retryErrors: boolean;
	/** Run again what is made of something else by now, instead of refusing to go on. */
	readonly rerunChanged: boolean;
	readonly fingerprints: Fingerprints;
	/** What targets say about themselves, once they are up. */
	readonly facts?: FactsOf;
	/** Leaves the run's files as they are. */
	readonly isPreview?: boolean;
	readonly warn: (message: string) => void;
}

/**
 * Puts together what was done before, by this run and by the one whose gaps it fills.
 * @throws AgentvError `config` when recorded results would be made of something else by now: different versions are not mixed
 */
export function takeUp(plan: RunPlan, options: TakeUpOptions): Standing {
	const { directory } = options;
	const run = directory === undefined ? undefined : readRunFile(directory);
	if (run) refuseOtherEvals(run, plan);
	const other = plan.request.onlyMissing === undefined ? undefined : otherRun(plan.request.onlyMissing, plan, options);
	const states = caseStates(plan, other?.rows ?? []);
	const own = states.filter(({ result }) => !result);
	const cases = own.map(({ one }) => one);
	const nothing = { kept: [], rerun: [], regraded: [] };
	const before = run && directory !== undefined ? rowsBefore(run, directory, cases, plan, options) : nothing;
	addRows(own, before.kept, plan.redact);
	markReruns(own, before.rerun, plan);
	return {
		...{ states, own, before: before.kept, regraded: before.regraded },
		...(run ? { run } : {}),
		...(other ? { completes: { run: other.run, planned: plannedList(plan.evals, cases) } } : {}),
	};
}

/** The run whose gaps are filled. Its results stay where they are, so none may be of another version. */
function otherRun(
	directory: string,
	plan: RunPlan,
	{ fingerprints, facts }: TakeUpOptions,
): { readonly run: RunFile; readonly rows: readonly ResultRow[] } {
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			hint: "Wait until it has finished.",
		});
	refuseOtherEvals(run, plan);
	const { rows } = readIndex(directory);
	const changes = new RowChanges(plan, fingerprints, run, directory, facts ?? noFacts);
	const found = changesOf(run, rows, plan.cases, plan, changes);
	if (found.plan.texts.length > 0 || found.touched.length > 0) throw refusal(found, changes, plan, false);
	return { run, rows };
}

interface Before {
	readonly kept: readonly ResultRow[];
	/** Results that are run again because they would be made of something else. */
	readonly rerun: readonly ResultRow[];
	/** Errors whose answers are kept: only graders run again. */
	readonly regraded: readonly ResultRow[];
}

/** Rows of the run that is taken up again; what can't be trusted is removed. */
function rowsBefore(
	run: RunFile,
	directory: string,
	cases: readonly PlannedCase[],
	plan: RunPlan,
	{ retryErrors, rerunChanged, fingerprints, facts, isPreview, warn }: TakeUpOptions,
): Before {
	const reading = new SoundIndex(directory, run);
	// A test that was skipped because of another one runs again, too.
	const isRetried = (row: ResultRow) => retryErrors && (isError(row) || isSkipped(row));
	const lacksGraders = (row: ResultRow) => isRetried(row) && row.error?.stage === graderStage;
	const changes = new RowChanges(plan, fingerprints, run, directory, facts ?? noFacts);
	// Of a result that only lacks graders the answer and the other scores are kept.
	const rows = reading.rows.filter((row) => !isRetried(row) || lacksGraders(row));
	const found = changesOf(run, rows, cases, plan, changes);
	const isWhole = run.whole === undefined && run.shard === undefined;
	if (found.plan.texts.length > 0 && (!isWhole || !rerunChanged)) throw refusal(found, changes, plan, isWhole);
	if (found.touched.length > 0 && !rerunChanged) throw refusal(found, changes, plan, true);
	refuseLostRows(reading.rows, found.plan);
	if (!isPreview) reading.putRight();
	for (const problem of shortened(reading.problems)) warn(problem);
	const rerun = new Set(found.touched);
	if (rerun.size > 0) for (const row of rows) if (isSkipped(row)) rerun.add(row);
	const left = rows.filter((row) => !rerun.has(row));
	return {
		kept: left.filter((row) => !lacksGraders(row)),
		rerun: [...rerun],
		regraded: left.filter(lacksGraders),
	};
}

const mostProblems = 20;

function shortened(problems: readonly string[]): readonly string[] {
	if (problems.length <= mostProblems) return problems;
	return [...problems.slice(0, mostProblems), `${problems.length - mostProblems} more rows are omitted`];
}

interface Found {
	readonly plan: PlanChanges;
	readonly touched: readonly ResultRow[];
}

function changesOf(
	run: RunFile,
	rows: readonly ResultRow[],
	cases: readonly PlannedCase[],
	plan: RunPlan,
	changes: RowChanges,
): Found {
	const byKey = new Map(cases.map((one) => [recordedKey(one, plan.redact), one]));
	const known = rows.flatMap((row) => {
		const one = byKey.get(caseKey(row.eval, row.testId, row.target));
		return one ? [{ row, one }] : [];
	});
	// In the order of the plan: tests end in any order.
	known.sort((a, b) => a.one.index - b.one.index || a.row.attempt - b.row.attempt);
	const touched = known.filter(({ row, one }) => changes.touches(row, one)).map(({ row }) => row);
	return { plan: planDifference(run, cases, plan), touched };
}

/** A part of a larger run is known by the positions of its tests: there even their order must be the same. */
function planDifference(run: RunFile, cases: readonly PlannedCase[], plan: RunPlan): PlanChanges {
	const changes = planChanges(run, cases, plan);
	const whole = plan.shard?.whole;
	if (changes.texts.length > 0 || !run.whole || !whole || sameTests(run, run.whole, whole, plan)) return changes;
	return {
		...changes,
		texts: ["the tests of the whole run that this is part of are different or in a different order"],
	};
}

function refuseLostRows(rows: readonly ResultRow[], { limits }: PlanChanges): void {
	const lost = rows.filter(
		(row) => row.attempt > (limits.get(caseKey(row.eval, row.testId, row.target)) ?? row.attempt),
	);
	if (lost.length === 0) return;
	throw new AgentvError("config", `results would lose their test: ${idsOf(lost)}`, {
		hint: "Restore these tests and attempts, or start a new run: a run keeps all its results.",
	});
}

function markReruns(states: readonly CaseState[], rows: readonly ResultRow[], { redact }: RunPlan): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [recordedKey(state.one, redact), state]));
	for (const row of rows)
		if (!isError(row)) byKey.get(caseKey(row.eval, row.testId, row.target))?.reruns.add(row.attempt);
}

function isError({ executionStatus }: ResultRow): boolean {
	return executionStatus === "execution_error";
}

function isSkipped({ error }: ResultRow): boolean {
	return error?.stage === "dependency";
}

const mostLines = 20;

/** @param mayRerun whether --rerun-changed would help */
function refusal(
	{ plan: planned, touched }: Found,
	changes: RowChanges,
	plan: RunPlan,
	mayRerun: boolean,
): AgentvError {
	const targets = new Set(plan.cases.map(({ target }) => target.target.name)).size;
	const lines = [
		...changes.all.map(({ text, rows }) => `${text}: ${count(rows.length, "result")} (${idsOf(rows, targets > 1)})`),
		...planned.texts,
	];
	const shown = lines.slice(0, mostLines);
	if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
	const message =
		touched.length > 0
			? "inputs of this run's results have changed since"
			: "the planned tests or targets have changed since the run started";
	const advice = mayRerun
		? "Undo the change, rerun the affected tests with --rerun-changed, or start a new run."
		: "Undo the change, or start a new run.";
	return new AgentvError("config", plan.redact([message, ...shown.map((line) => `  ${line}`)].join("\n")), {
		hint: `${advice}${changes.isAboutGraders ? regradeAdvice : ""} Results of different versions are not mixed.`,
	});
}

const regradeAdvice = " `agentv results regrade` grades the recorded answers of a run again.";

const mostIds = 5;

function idsOf(rows: readonly ResultRow[], withTargets = false): string {
	const ids = [...new Set(rows.map(({ testId, target }) => (withTargets ? `${testId} with ${target}` : testId)))];
	const shown = ids.slice(0, mostIds).join(", ");
	return ids.length > mostIds ? `${shown} and ${ids.length - mostIds} more` : shown;
}

function count(number: number, what: string): string {
	return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function noFacts(): undefined {
	return undefined;
}

/** How far a case is. */
export class CaseState {
	readonly one: PlannedCase;
	readonly #attempts = new Map<number, AttemptResult>();
	/** Judged attempts that are run again because what they are made of changed. */
	readonly reruns = new Set<number>();
	/** Attempts that were started and have not ended. */
	running = 0;
	result: CaseResult | undefined;

	constructor(one: PlannedCase) {
		this.one = one;
	}

	add(result: AttemptResult): void {
		const { attempt, score, executionStatus, error } = result;
		this.#attempts.set(attempt, { attempt, score, executionStatus, ...(error ? { error } : {}) });
	}

	/** Settles the result where nothing more has to be run. Says whether it did so just now. */
	settle(): boolean {
		const attempts = [...this.#attempts.values()];
		if (this.result || this.running > 0 || !isDecided(attempts, this.one.repeat)) return false;
		this.result = caseResult(attempts, this.one.repeat, this.one.threshold);
		return true;
	}

	/** Attempts that were not made. */
	get missing(): number[] {
		return missingAttempts(new Set(this.#attempts.keys()), this.one.repeat.count);
	}

	/** Attempts that can be started now: all that are missing, or with `early_exit` the next one. */
	nextAttempts(): number[] {
		return this.one.repeat.earlyExit ? this.missing.slice(0, 1) : this.missing;
	}
}

/** The states of all cases of a plan, with what an earlier run has already finished. */
export function caseStates(
	{ cases, redact }: Pick<RunPlan, "cases" | "redact">,
	before: readonly ResultRow[],
): CaseState[] {
	const states = cases.map((one) => new CaseState(one));
	addRows(states, before, redact);
	return states;
}

/** Adds what is known of some attempts: rows name their test without the secrets that its id may hold. */
function addRows(states: readonly CaseState[], rows: readonly ResultRow[], redact: Redactor): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [recordedKey(state.one, redact), state]));
	for (const row of rows) byKey.get(caseKey(row.eval, row.testId, row.target))?.add(row);
	for (const state of states) state.settle();
}

/** What a target says about itself, if it is up. */
export type FactsOf = (target: ResolvedTarget) => Readonly<Record<string, string>> | undefined;

/** Something that is not what it was, with the results that it touches. */
interface Change {
	/** A sentence without a full stop: `graders/check.mjs changed`. */
	readonly text: string;
	readonly rows: readonly ResultRow[];
}

/** Compares the recorded results of a run with what they would be made of now. */
class RowChanges {
	readonly #plan: RunPlan;
	readonly #fingerprints: Fingerprints;
	readonly #run: RunFile;
	readonly #directory: string;
	readonly #facts: FactsOf;
	readonly #found = new Map<string, ResultRow[]>();
	readonly #parts = new Set<keyof Fingerprint | "facts">();
	#names: ChangeNames | undefined;

	/** @param directory of the run that `run` is the record of */
	constructor(plan: RunPlan, fingerprints: Fingerprints, run: RunFile, directory: string, facts: FactsOf) {
		this.#plan = plan;
		this.#fingerprints = fingerprints;
		this.#run = run;
		this.#directory = directory;
		this.#facts = facts;
	}

	/** Whether nothing but graders has changed: then the recorded answers could be graded again. */
	get isAboutGraders(): boolean {
		return this.#parts.size === 1 && this.#parts.has("graders");
	}

	/** What was found so far. */
	get all(): readonly Change[] {
		return [...this.#found].map(([text, rows]) => ({ text, rows }));
	}

	/** Returns whether a row's result would be made of something else now, and keeps what that is. */
	touches(row: ResultRow, one: PlannedCase): boolean {
		const { repositories = [] } = this.#run;
		const now = this.#fingerprints.of(one, recordedCommits(one, repositories, this.#plan.redact));
		const parts = row.fingerprint
			? this.#fingerprints.parts.filter((part) => this.#differs(part, row, one, now.fingerprint))
			: this.#fingerprints.parts;
		const facts = this.#factChanges(row, one);
		if (parts.length === 0 && facts.length === 0) return false;
		for (const part of [...parts, ...(facts.length > 0 ? (["facts"] as const) : [])]) this.#parts.add(part);
		this.#names ??= new ChangeNames(
			this.#plan,
			this.#run,
			this.#directory,
			coverageOf(this.#plan, this.#fingerprints, this.#plan.cases),
		);
		const names = parts.length === 0 ? [] : this.#names.of(row, one, parts, now);
		for (const name of [...names, ...facts]) {
			const rows = this.#found.get(name);
			if (rows) rows.push(row);
			else this.#found.set(name, [row]);
		}
		return true;
	}

	#differs(part: keyof Fingerprint, row: ResultRow, one: PlannedCase, now: Fingerprint): boolean {
		const recorded = row.fingerprint?.[part];
		if (recorded === now[part]) return false;
		// An attempt whose workspace could not be prepared knew no commits.
		const isUnprepared = part === "workspace" && row.executionStatus === "execution_error";
		return !(isUnprepared && recorded === this.#fingerprints.of(one, []).fingerprint[part]);
	}

	#factChanges(row: ResultRow, { target, eval: of }: PlannedCase): string[] {
		const judges = new Set(row.scores.flatMap(({ usage }) => usage?.target ?? []));
		const used = this.#plan.graderTargets.filter(
			(judge) => judge.eval.label === of.label && judges.has(judge.target.name),
		);
		return [
			...[target.target, ...target.fallbacks].flatMap((one) => this.#factsOf("target", one, this.#run.targets)),
			...used.flatMap((judge) => this.#factsOf("grader target", judge.target, this.#run.graderTargets ?? [])),
		];
	}

	#factsOf(what: string, target: ResolvedTarget, records: readonly PlannedTargetRecord[]): string[] {
		return changedFacts(target, records, this.#facts).map(
			([name, before, after]) => `${what} ${JSON.stringify(target.name)}: ${name} ${before} → ${after}`,
		);
	}
}

/** What a target reports about itself differently from its record; what only one of both knows is left out. */
export function changedFacts(
	target: ResolvedTarget,
	records: readonly PlannedTargetRecord[],
	factsOf: FactsOf,
): readonly (readonly [name: string, before: string, after: string])[] {
	const before = records.find(({ name }) => name === target.name)?.facts ?? {};
	const after = factsOf(target) ?? {};
	return Object.entries(before).flatMap(([name, was]) => {
		const is = after[name];
		return is === undefined || is === was ? [] : [[name, was, is] as const];
	});
}

interface Line {
	readonly number: number;
	readonly text: string;
	readonly row: ResultRow;
}

/**
 * The rows of a run that is taken up again, without those that can't be trusted: lines that are no rows, rows of tests that were not
 * planned, second rows, and rows that do not agree with their attempt's file. What they were about is done again.
 */
class SoundIndex {
	/** In the order of writing; of an attempt that was run again only the last. */
	readonly rows: readonly ResultRow[];
	/** What is left out and why, each as a sentence without a full stop. */
	readonly problems: readonly string[];
	readonly #directory: string;
	readonly #kept: readonly Line[];
	readonly #isWhole: boolean;
	/** Names of the folders of tests that have a row. */
	readonly #folders: ReadonlySet<string | undefined>;

	constructor(directory: string, run: RunFile) {
		this.#directory = directory;
		const problems: string[] = [];
		const { attempts, tail } = readLines(directory, attemptsOf(run), problems);
		const kept: Line[] = [];
		const rows: Line[] = [];
		for (const lines of attempts.values()) {
			const last = lines.findLast(({ row }) => isSound(directory, row));
			if (last) rows.push(last);
			const history = last ? historyOf(lines, last) : [];
			kept.push(...history);
			problems.push(...leftOut(lines, last, history));
		}
		const inOrder = (lines: Line[]) => lines.sort((a, b) => a.number - b.number);
		this.rows = inOrder(rows).map(({ row }) => row);
		this.problems = problems;
		this.#kept = inOrder(kept);
		const files = [...attempts.values()].flatMap((lines) => lines.map(({ row }) => row.file ?? ""));
		this.#folders = new Set(files.map((file) => /^tests\/([^/]+)\/\d+\.json$/.exec(file)?.[1]));
		this.#isWhole = problems.length === 0 && tail === "";
	}

	/**
	 * Makes the files say what `rows` says: what is left out is taken out of the index, and attempts' files without a row are removed, as is
	 * what is in the place of a test's folder.
	 */
	putRight(): void {
		const index = join(this.#directory, "index.jsonl");
		if (!this.#isWhole) writeAtomic(index, this.#kept.map(({ text }) => `${text}\n`).join(""), { noFollow: true });
		const named = new Set(this.#kept.map(({ row }) => row.file));
		const tests = join(this.#directory, "tests");
		if (pathKind(tests) !== "directory") return;
		for (const folder of listDirectory(tests)) {
			const path = join(tests, folder);
			if (pathKind(path) === "directory") removeUnnamed(path, `tests/${folder}`, named);
			else if (this.#folders.has(folder) || isTestFolder(folder)) clearPlace(path);
		}
	}
}

/** Whether a name is of the form that the folders of tests have: the rows that would say so may be gone, too. */
function isTestFolder(name: string): boolean {
	return /^([a-z0-9-]+-)?[0-9a-f]{16}$/.test(name);
}

/** The number of attempts of each planned test, by its key. */
function attemptsOf({ planned, evals }: RunFile): ReadonlyMap<string, number> {
	return new Map(
		planned.map(([of, id, target, repeat]) => [caseKey(evals[of]?.file ?? "", id, target), repeat?.count ?? 1]),
	);
}

function readLines(directory: string, planned: ReadonlyMap<string, number>, problems: string[]) {
	const attempts = new Map<string, Line[]>();
	const index = join(directory, "index.jsonl");
	const texts = wholeLines(index);
	let number = 1;
	/** A line that is too long is not a row, and nothing behind it was written by a run. */
	const line = (): IteratorResult<string, string> => {
		try {
			return texts.next();
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
			problems.push(`${index}:${number} and everything after it was skipped: ${error.message}`);
			return { done: true, value: "" };
		}
	};
	let next = line();
	for (; !next.done; number += 1, next = line()) {
		const text = next.value;
		const row = parseRow(text);
		if (!row) {
			problems.push(`${index}:${number} is not a valid row and was skipped`);
			continue;
		}
		const most = planned.get(caseKey(row.eval, row.testId, row.target)) ?? 0;
		if (row.attempt < 1 || row.attempt > most) {
			problems.push(`${index}:${number} is a row of an unplanned attempt (${nameOf(row)}) and was skipped`);
			continue;
		}
		const key = rowKey(row);
		const lines = attempts.get(key);
		if (lines) lines.push({ number, text, row });
		else attempts.set(key, [{ number, text, row }]);
	}
	return { attempts, tail: next.value };
}

function isSound(directory: string, row: ResultRow): boolean {
	return checkAttemptRecord(directory, row).problems.length === 0;
}

/** The rows of an attempt up to the one that counts, as running it again leaves them: only what is not settled, or has changed, is. */
function historyOf(lines: readonly Line[], last: Line): Line[] {
	const kept = [last];
	let next = last;
	for (const line of lines.slice(0, lines.indexOf(last)).reverse()) {
		const isChanged =
			next.row.rerun === "changed" && canonicalJson(next.row.fingerprint) !== canonicalJson(line.row.fingerprint);
		if (isSettled(line.row) && !isChanged) continue;
		kept.push(line);
		next = line;
	}
	return kept.reverse();
}

function isSettled({ executionStatus, error }: ResultRow): boolean {
	return executionStatus !== "execution_error" && error === undefined;
}

function* leftOut(lines: readonly Line[], last: Line | undefined, kept: readonly Line[]): Generator<string> {
	const [first] = lines;
	if (!last && first) {
		yield `the record of ${nameOf(first.row)} is missing or was modified: it runs again`;
		return;
	}
	const isKept = new Set(kept);
	for (const line of lines)
		if (!isKept.has(line)) yield `index.jsonl:${line.number} is a duplicate row of ${nameOf(line.row)} and was skipped`;
}

function nameOf({ testId, target, attempt }: ResultRow): string {
	return `${JSON.stringify(testId)} with ${target}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
}

/** Removes the files of attempts that no row names. */
function removeUnnamed(folder: string, name: string, named: ReadonlySet<string | undefined>): void {
	for (const file of listDirectory(folder)) {
		const attempt = /^(\d+)\./.exec(file)?.[1];
		const path = join(folder, file);
		if (attempt !== undefined && !named.has(`${name}/${attempt}.json`)) clearPlace(path);
	}
}
