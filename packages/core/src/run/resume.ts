import { join } from "node:path";
import { parseRow, readIndex, readRunFile, rowKey, wholeLines } from "../eval/discover-evals.ts";
import { graderStage, type PlannedTest, type ResultRow, type RunFile } from "../format/run-file.ts";
import { checkAttemptRecord } from "../grading/attempt-record.ts";
import { type AttemptResult, type CaseResult, caseResult, isDecided, missingAttempts } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { listDirectory } from "../machine/directories.ts";
import { pathKind } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { removeFile, writeAtomic } from "../machine/write-file.ts";
import { changesOf, type FactsOf, refusal, refuseLostRows, refuseOtherEvals } from "./changed-inputs.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { keyOfRow, type PlannedCase, plannedByKey, plannedList, type RunPlan } from "./run-plan.ts";

export interface ResumeState {
	readonly states: readonly CaseState[];
	/** Cases that this run must settle, excluding those of another run. */
	readonly own: readonly CaseState[];
	/** Excludes rows that run again. */
	readonly before: readonly ResultRow[];
	/** Rows that keep their answer and only lack results of graders, which run again. */
	readonly regraded: readonly ResultRow[];
	/** Present if the run is resumed. */
	readonly run?: RunFile;
	/** Present if the run completes another one; its missing tests. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

export interface ResumeOptions {
	readonly directory?: string;
	readonly retryErrors: boolean;
	/** Rerun tests with changed inputs, instead of failing. */
	readonly rerunChanged: boolean;
	readonly fingerprints: Fingerprints;
	readonly facts?: FactsOf;
	readonly isPreview?: boolean;
	readonly warn: (message: string) => void;
}

/**
 * Combines earlier results of this run and of the one that it completes.
 * @throws AgentvError `config` if inputs of recorded results have changed: versions are not mixed
 */
export function resumeState(plan: RunPlan, options: ResumeOptions): ResumeState {
	const { directory } = options;
	const run = directory === undefined ? undefined : readRunFile(directory);
	if (run) refuseOtherEvals(run, plan);
	const completed =
		plan.request.onlyMissing === undefined ? undefined : otherRun(plan.request.onlyMissing, plan, options);
	const states = caseStates(plan.cases, completed?.rows ?? []);
	const own = states.filter(({ result }) => !result);
	const cases = own.map(({ planned }) => planned);
	const nothing = { kept: [], rerun: [], regraded: [] };
	const before = run && directory !== undefined ? rowsBefore(run, directory, cases, plan, options) : nothing;
	addRows(own, before.kept);
	markReruns(own, before.rerun);
	return {
		...{ states, own, before: before.kept, regraded: before.regraded },
		...(run ? { run } : {}),
		...(completed ? { completes: { run: completed.run, planned: plannedList(plan.evals, cases) } } : {}),
	};
}

/** Reads the run to complete. Its results stay there, so all must have the current versions. */
function otherRun(
	directory: string,
	plan: RunPlan,
	{ fingerprints, facts }: ResumeOptions,
): { readonly run: RunFile; readonly rows: readonly ResultRow[] } {
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			hint: "Wait until it has finished.",
		});
	refuseOtherEvals(run, plan);
	const { rows } = readIndex(directory);
	const changes = changesOf({ run, directory, rows }, plan.cases, plan, fingerprints, facts);
	if (changes.plan.texts.length > 0 || changes.touched.length > 0) throw refusal(changes, plan, false);
	return { run, rows };
}

interface Before {
	readonly kept: readonly ResultRow[];
	readonly rerun: readonly ResultRow[];
	readonly regraded: readonly ResultRow[];
}

function rowsBefore(
	run: RunFile,
	directory: string,
	cases: readonly PlannedCase[],
	plan: RunPlan,
	{ retryErrors, rerunChanged, fingerprints, facts, isPreview, warn }: ResumeOptions,
): Before {
	const reading = new SoundIndex(directory, run);
	// A test that was skipped because of another one runs again, too.
	const isRetried = (row: ResultRow) => retryErrors && (isError(row) || isSkipped(row));
	const lacksGraders = (row: ResultRow) => isRetried(row) && row.error?.stage === graderStage;
	// A result that only lacks graders keeps its answer and the other scores.
	const rows = reading.rows.filter((row) => !isRetried(row) || lacksGraders(row));
	const changes = changesOf({ run, directory, rows }, cases, plan, fingerprints, facts);
	const isWhole = run.whole === undefined && run.shard === undefined;
	if (changes.plan.texts.length > 0 && (!isWhole || !rerunChanged)) throw refusal(changes, plan, isWhole);
	if (changes.touched.length > 0 && !rerunChanged) throw refusal(changes, plan, true);
	refuseLostRows(reading.rows, changes.plan);
	if (!isPreview) reading.putRight();
	for (const problem of shortened(reading.problems)) warn(problem);
	const rerun = new Set(changes.touched);
	if (rerun.size > 0) for (const row of rows) if (isSkipped(row)) rerun.add(row);
	const left = rows.filter((row) => !rerun.has(row));
	return {
		kept: left.filter((row) => !lacksGraders(row)),
		rerun: [...rerun],
		regraded: left.filter(lacksGraders),
	};
}

const maxProblems = 20;

function shortened(problems: readonly string[]): readonly string[] {
	if (problems.length <= maxProblems) return problems;
	return [...problems.slice(0, maxProblems), `${problems.length - maxProblems} more rows are omitted`];
}

function markReruns(states: readonly CaseState[], rows: readonly ResultRow[]): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [state.planned.key, state]));
	for (const row of rows) if (!isError(row)) byKey.get(keyOfRow(row))?.reruns.add(row.attempt);
}

function isError({ executionStatus }: ResultRow): boolean {
	return executionStatus === "execution_error";
}

function isSkipped({ error }: ResultRow): boolean {
	return error?.stage === "dependency";
}

export class CaseState {
	readonly #attempts = new Map<number, AttemptResult>();
	readonly reruns = new Set<number>();
	running = 0;
	result: CaseResult | undefined;

	constructor(readonly planned: PlannedCase) {}

	add(result: AttemptResult): void {
		const { attempt, score, executionStatus, error } = result;
		this.#attempts.set(attempt, { attempt, score, executionStatus, ...(error ? { error } : {}) });
	}

	/** Sets the result if nothing more must run, and returns whether it did. */
	settle(): boolean {
		const attempts = [...this.#attempts.values()];
		if (this.result || this.running > 0 || !isDecided(attempts, this.planned.repeat)) return false;
		this.result = caseResult(attempts, this.planned.repeat, this.planned.threshold);
		return true;
	}

	get missing(): number[] {
		return missingAttempts(new Set(this.#attempts.keys()), this.planned.repeat.count);
	}

	nextAttempts(): number[] {
		return this.planned.repeat.earlyExit ? this.missing.slice(0, 1) : this.missing;
	}
}

export function caseStates(cases: readonly PlannedCase[], before: readonly ResultRow[]): CaseState[] {
	const states = cases.map((planned) => new CaseState(planned));
	addRows(states, before);
	return states;
}

function addRows(states: readonly CaseState[], rows: readonly ResultRow[]): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [state.planned.key, state]));
	for (const row of rows) byKey.get(keyOfRow(row))?.add(row);
	for (const state of states) state.settle();
}

interface Line {
	readonly number: number;
	readonly text: string;
	readonly row: ResultRow;
}

/** Drops invalid, unplanned, duplicate and mismatching rows; their results run again. */
class SoundIndex {
	/** In the order of writing; only the last one of a repeated attempt. */
	readonly rows: readonly ResultRow[];
	/** Sentences without a full stop: what was dropped, and why. */
	readonly problems: readonly string[];
	readonly #kept: readonly Line[];
	readonly #isWhole: boolean;
	readonly #folders: ReadonlySet<string | undefined>;

	constructor(
		private readonly directory: string,
		run: RunFile,
	) {
		const problems: string[] = [];
		const { attempts, tail } = readLines(directory, plannedByKey(run), problems);
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

	/** Removes dropped rows, files without a row, and anything that replaced a test's directory. */
	putRight(): void {
		const index = join(this.directory, "index.jsonl");
		if (!this.#isWhole) writeAtomic(index, this.#kept.map(({ text }) => `${text}\n`).join(""), { noFollow: true });
		const named = new Set(this.#kept.map(({ row }) => row.file));
		const tests = join(this.directory, "tests");
		if (pathKind(tests) !== "directory") return;
		for (const folder of listDirectory(tests)) {
			const path = join(tests, folder);
			if (pathKind(path) === "directory") removeUnnamed(path, `tests/${folder}`, named);
			else if (this.#folders.has(folder) || isTestFolder(folder)) removeFile(path, { recursive: true });
		}
	}
}

/** Their rows can be lost, so the names are recognized by their form. */
function isTestFolder(name: string): boolean {
	return /^([a-z0-9-]+-)?[0-9a-f]{16}$/.test(name);
}

function readLines(directory: string, planned: ReturnType<typeof plannedByKey>, problems: string[]) {
	const attempts = new Map<string, Line[]>();
	const index = join(directory, "index.jsonl");
	const texts = wholeLines(index);
	let number = 1;
	/** A line that is too long is not a row, and a run wrote nothing after it. */
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
		const key = keyOfRow(row);
		const max = planned.has(key) ? (planned.get(key)?.count ?? 1) : 0;
		if (row.attempt < 1 || row.attempt > max) {
			problems.push(`${index}:${number} is a row of an unplanned attempt (${nameOf(row)}) and was skipped`);
			continue;
		}
		const lines = attempts.get(rowKey(row));
		if (lines) lines.push({ number, text, row });
		else attempts.set(rowKey(row), [{ number, text, row }]);
	}
	return { attempts, tail: next.value };
}

function isSound(directory: string, row: ResultRow): boolean {
	return checkAttemptRecord(directory, row).problems.length === 0;
}

/** Includes earlier rows that reruns of unsettled or changed attempts left. */
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

function removeUnnamed(folder: string, name: string, named: ReadonlySet<string | undefined>): void {
	for (const file of listDirectory(folder)) {
		const attempt = /^(\d+)\./.exec(file)?.[1];
		const path = join(folder, file);
		if (attempt !== undefined && !named.has(`${name}/${attempt}.json`)) removeFile(path, { recursive: true });
	}
}
