import { join, resolve } from "node:path";
import { linesOf, parseRow, readIndex, readRunFile, readSummary, rowKey, wholeLines } from "../eval/discover-evals.ts";
import { type ResultsMachine, type RunRoot, readRecordText, recordPath, runRoots } from "../eval/run-digest.ts";
import { largestFigure } from "../format/codec.ts";
import {
	errorCauses,
	executionStatuses,
	type ResultRow,
	type RowError,
	type RowScore,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { type TalliedRow, testsNotRun } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { nearestName } from "../lib/text.ts";
import { listDirectory } from "../machine/directories.ts";
import { expectShortLived } from "../machine/environment.ts";
import { fileStamp, pathKind, realPath, targetKind } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { readHead } from "../machine/read-file.ts";

export interface RunReading {
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	/** Absent until the run has ended. */
	readonly summary?: RunSummary;
	/** In completion order; for an attempt that was run again only the last one. */
	readonly rows: readonly ResultRow[];
}

/** A run whose rows stay on disk. */
export interface OpenRun extends Omit<RunReading, "rows"> {
	readonly rows: StoredRows;
}

/**
 * Opens a run of any size. A truncated last line is skipped. @throws AgentvError `not-found`,
 * `config`
 */
export function openRun(directory: string): OpenRun {
	expectShortLived();
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: new StoredRows(directory), ...(summary ? { summary } : {}) };
}

/** Reads a run. A truncated last line is skipped. @throws AgentvError `not-found`, `config` */
export function readRun(directory: string): RunReading {
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: readIndex(directory).rows, ...(summary ? { summary } : {}) };
}

export interface AttemptId {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

export function attemptOf({ eval: label, testId, target, attempt }: AttemptId): AttemptId {
	return { eval: label, testId, target, attempt };
}

export interface TestResultReading {
	readonly row: ResultRow;
	/** The attempt's file as written (`input`, `output`, `messages`, `scores`, …). */
	readonly detail: Readonly<Record<string, unknown>>;
	/** Unified diff of the target's workspace changes. */
	readonly fileChanges?: string;
}

/**
 * Reads an attempt's file. @throws AgentvError `not-found` if the run has no such attempt, or its
 * file is missing
 */
export function readTestResult(directory: string, wanted: AttemptId): TestResultReading {
	const row = readIndex(directory).rows.find(
		({ eval: label, testId, target, attempt }) =>
			label === wanted.eval && testId === wanted.testId && target === wanted.target && attempt === wanted.attempt,
	);
	if (!row?.file)
		throw new AgentvError("not-found", `the run has no attempt ${wanted.attempt} of ${JSON.stringify(wanted.testId)}`);
	const text = readRecordText(directory, row.file);
	const read = readJson(text);
	if (!("value" in read) || typeof read.value !== "object" || read.value === null)
		throw new AgentvError("config", `${join(directory, row.file)} is not a JSON object`);
	// A number such as 1e400, which our records never contain, could not be serialized again.
	const value: unknown = /\de\+?\d{3}/i.test(text) ? JSON.parse(JSON.stringify(read.value)) : read.value;
	const detail = value as Record<string, unknown>;
	const changes = detail.file_changes_shown_path ?? detail.file_changes_path;
	return { row, detail, ...(typeof changes === "string" ? { fileChanges: readRecordText(directory, changes) } : {}) };
}

type TokenUsage = NonNullable<ResultRow["tokenUsage"]>;
type Usage = NonNullable<RowScore["usage"]>;

/** A row for tables: the fields of `index.jsonl`, of graders only their model usage. */
export interface TableRow extends TalliedRow {
	/** Relative to the run's directory. */
	readonly file?: string | undefined;
}

/**
 * Returns the rows in completion order; for an attempt that was run again only the last one. Faster
 * and smaller than `readRun`, for tables and averages.
 */
export function readRunTable(directory: string): readonly TableRow[] {
	const rows = new Map<string, TableRow>();
	for (const line of wholeLines(join(directory, "index.jsonl"))) {
		const read = readJson(line);
		const row = "value" in read ? tableRow(read.value) : undefined;
		if (!row) continue;
		const key = rowKey(row);
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

function tableRow(value: unknown): TableRow | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const wire = value as Record<string, unknown>;
	const {
		test_id,
		eval: label,
		target,
		attempt,
		score,
		threshold,
		execution_status,
		duration_ms,
		token_usage,
		cost_usd,
		file,
	} = wire;
	const status = executionStatuses.find((one) => one === execution_status);
	if (typeof test_id !== "string" || typeof label !== "string" || typeof target !== "string" || !status)
		return undefined;
	return {
		testId: test_id,
		eval: label,
		target,
		attempt: number(attempt) ?? 1,
		executionStatus: status,
		score: number(score) ?? 0,
		threshold: number(threshold) ?? 0,
		durationMs: number(duration_ms) ?? 0,
		tokenUsage: tokenUsage(token_usage),
		costUsd: number(cost_usd),
		scores: graderUsages(wire.scores),
		error: rowError(wire.error),
		file: typeof file === "string" ? file : undefined,
	};
}

function tokenUsage(value: unknown): TokenUsage | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { input, output, cached, reasoning } = value as Record<string, unknown>;
	return {
		...{ input: number(input) ?? 0, output: number(output) ?? 0 },
		...{ cached: number(cached) ?? 0, reasoning: number(reasoning) ?? 0 },
	};
}

function graderUsages(scores: unknown): { readonly usage: Usage }[] {
	if (!Array.isArray(scores)) return [];
	return scores.flatMap((score: Record<string, unknown> | null) => {
		const usage = score?.usage;
		if (typeof usage !== "object" || usage === null) return [];
		const { target, token_usage, cost_usd } = usage as Record<string, unknown>;
		const costUsd = number(cost_usd);
		const tokens = tokenUsage(token_usage);
		return [
			{
				usage: {
					target: typeof target === "string" ? target : "",
					...(tokens ? { tokenUsage: tokens } : {}),
					...(costUsd === undefined ? {} : { costUsd }),
				},
			},
		];
	});
}

function number(value: unknown): number | undefined {
	return typeof value === "number" && value >= 0 && value <= largestFigure ? value : undefined;
}

function rowError(value: unknown): RowError | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { stage, code, message, caused_by } = value as Record<string, unknown>;
	const cause = errorCauses.find((one) => one === caused_by);
	return {
		...{ stage: String(stage ?? ""), code: String(code ?? ""), message: String(message ?? "") },
		...(cause ? { causedBy: cause } : {}),
	};
}

/** Returns texts that change with the record's description, summary and rows. */
export function runStamps(directory: string): { readonly run: string | undefined; readonly rows: string | undefined } {
	const run = fileStamp(join(directory, "run.json"));
	const summary = fileStamp(join(directory, "summary.json"));
	return { run: run && `${run}; ${summary ?? ""}`, rows: fileStamp(join(directory, "index.jsonl")) };
}

/** Returns whether a process is running the run in `directory`. */
export function isRunUnderWay(directory: string): boolean {
	return targetKind(directory) === "directory" && isLocked(directory, { lockDirectory: directory });
}

/**
 * Returns the first `maxBytes` of a file from a run's records, relative to its directory; undefined
 * if missing.
 * @throws AgentvError `refused` if it is outside that directory
 */
export function readRecordHead(
	directory: string,
	path: string,
	maxBytes: number,
): { readonly text: string; readonly cut: boolean; readonly size: number } | undefined {
	return readHead(recordPath(directory, path), maxBytes);
}

/** The result of scanning the lines of `index.jsonl`. Lines are 1-based. */
interface IndexGlance {
	/** Number of complete lines. */
	readonly lines: number;
	/** Rows of attempts that were run again later. */
	readonly superseded: ReadonlySet<number>;
	/** Invalid lines, as far as their beginning shows. */
	readonly bad: ReadonlySet<number>;
}

/** Keeps a number per line instead of its key: a run can have a hundred thousand lines. */
function glanceAtIndex(directory: string): IndexGlance {
	const file = join(directory, "index.jsonl");
	const bad = new Set<number>();
	const numbers: number[] = [];
	for (const line of linesOf(file)) {
		const key = keyAtGlance(line.head(mostOfBeginning)) ?? keyOf(line.text());
		numbers.push(key === undefined ? Number.NaN : numberOf(key));
		if (key === undefined) bad.add(numbers.length);
	}
	const twice = thoseTwice(numbers);
	return { lines: numbers.length, bad, superseded: twice.size === 0 ? twice : supersededAmong(file, numbers, twice) };
}

/** Equal numbers can have different keys: compare those. */
function supersededAmong(file: string, numbers: readonly number[], twice: ReadonlySet<number>): Set<number> {
	const superseded = new Set<number>();
	const last = new Map<string, number>();
	let number = 0;
	for (const line of linesOf(file)) {
		const known = numbers[number];
		if (known === undefined) break;
		number += 1;
		const key = twice.has(known) ? keyOf(line.text()) : undefined;
		if (key === undefined) continue;
		const before = last.get(key);
		if (before !== undefined) superseded.add(before);
		last.set(key, number);
	}
	return superseded;
}

function thoseTwice(numbers: readonly number[]): Set<number> {
	const sorted = Float64Array.from(numbers).sort();
	return new Set(sorted.filter((number, index) => number === sorted[index + 1]));
}

/** The beginning of our lines identifies the attempt without parsing the rest. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("[^"\\]*"),"eval":("[^"\\]*"),"target":("[^"\\]*"),"attempt":(\d{1,9}),/;
const mostOfBeginning = 512;

/** Equal to `rowKey`; undefined for lines that begin differently. */
function keyAtGlance(text: string): string | undefined {
	const found = beginning.exec(text);
	return found ? `[${found[2]},${found[1]},${found[3]},${found[4]}]` : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}

/** Combines two FNV-1a hashes to a 53-bit integer. */
function numberOf(key: string): number {
	let [one, two] = [0x811c9dc5, 0x1b873593];
	for (let index = 0; index < key.length; index += 1) {
		const code = key.charCodeAt(index);
		one = Math.imul(one ^ code, 0x01000193);
		two = Math.imul(two ^ code, 0x01000193) ^ (one >>> 7);
	}
	return (two >>> 11) * 2 ** 32 + (one >>> 0);
}

/** A row with its line of JSON. */
export interface RecordedRow {
	readonly row: ResultRow;
	readonly text: string;
}

/**
 * The rows of a run in completion order; for an attempt that was run again only the last one. They
 * stay on disk: each iteration reads them again, so that a run of any size needs little memory.
 * Rows that are appended after opening are not seen.
 */
export class StoredRows implements Iterable<ResultRow> {
	readonly #file: string;
	readonly #glance: IndexGlance;
	readonly #bad: Set<number>;
	/** Number of rows, including lines that are only invalid after their beginning. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		this.#glance = glanceAtIndex(directory);
		const { lines, bad, superseded } = this.#glance;
		this.#bad = new Set(bad);
		this.count = lines - bad.size - superseded.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#glance.lines) return;
			line += 1;
			if (this.#glance.superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** 1-based numbers of invalid lines; complete once the rows were iterated. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}

/** Returns whether every planned test has a result. */
export function isFinished(summary: RunSummary | undefined): summary is RunSummary {
	return summary !== undefined && testsNotRun(summary) === 0;
}

/** A run's directory, not opened yet. */
export interface FoundRun {
	/** `<experiment>/<time>`, after `<owner>/` for benchmarks and bundles: the RUN argument. */
	readonly id: string;
	/** Absolute. */
	readonly directory: string;
	readonly experiment: string;
	readonly owner?: string;
	/** The directory's name: the UTC start time. */
	readonly time: string;
}

/** Returns all runs, newest first. Only opens runs that started in the same second. */
export function findRuns(machine: ResultsMachine): FoundRun[] {
	return runRoots(machine)
		.flatMap(runsBelow)
		.sort((a, b) => compare(b.time, a.time) || compare(startOf(b), startOf(a)) || compare(a.id, b.id));
}

/** Returns a run's start with milliseconds; empty if unreadable. */
function startOf({ directory }: FoundRun): string {
	try {
		return readRunFile(directory).startedAt;
	} catch (error) {
		if (error instanceof AgentvError) return "";
		throw error;
	}
}

function runsBelow({ path, owner }: RunRoot): FoundRun[] {
	return listDirectory(path).flatMap((experiment) => {
		const folder = join(path, experiment);
		if (pathKind(folder) !== "directory") return [];
		return listDirectory(folder)
			.filter((time) => /^\d{4}-\d\d-\d\dT/.test(time))
			.map((time): FoundRun => {
				const id = owner === undefined ? `${experiment}/${time}` : `${owner}/${experiment}/${time}`;
				return { id, directory: join(folder, time), experiment, time, ...(owner === undefined ? {} : { owner }) };
			});
	});
}

function compare(one: string, other: string): number {
	return one < other ? -1 : one > other ? 1 : 0;
}

export interface RunListItem extends FoundRun {
	/** `unfinished`: in progress, interrupted or killed; `unreadable`: its files are unreadable. */
	readonly state: "finished" | "unfinished" | "unreadable";
	readonly startedAt?: string;
	readonly evals: readonly { readonly file: string; readonly name: string }[];
	readonly targets: readonly string[];
	/** Tests × targets. */
	readonly planned: number;
	/** Present for a shard. */
	readonly shard?: { readonly index: number; readonly count: number };
	readonly summary?: RunSummary;
}

export interface RunList {
	/** Of all pages. */
	readonly total: number;
	readonly runs: readonly RunListItem[];
}

export interface ListRunsOptions {
	/** Runs to skip. Default 0. */
	readonly offset?: number;
	/** Default 50. */
	readonly limit?: number;
	readonly experiment?: string;
}

/** Returns a page of runs, newest first. Only opens the runs of the page. */
export function listRuns(machine: ResultsMachine, options: ListRunsOptions = {}): RunList {
	const { offset = 0, limit = 50, experiment } = options;
	const all = findRuns(machine).filter(
		(found) => (experiment === undefined || found.experiment === experiment) && hasBegun(found),
	);
	return { total: all.length, runs: all.slice(offset, offset + limit).map(listItem) };
}

function hasBegun({ directory }: FoundRun): boolean {
	return pathKind(join(directory, "run.json")) === "file";
}

function listItem(found: FoundRun): RunListItem {
	try {
		return itemOf(found, readRunFile(found.directory), readSummary(found.directory));
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { ...found, state: "unreadable", evals: [], targets: [], planned: 0 };
	}
}

function itemOf(found: FoundRun, run: RunFile, summary: RunSummary | undefined): RunListItem {
	return {
		...found,
		state: isFinished(summary) ? "finished" : "unfinished",
		startedAt: run.startedAt,
		evals: run.evals.map(({ file, name }) => ({ file, name })),
		targets: run.targets.map(({ name }) => name),
		planned: run.planned.length,
		...(run.shard?.index === undefined ? {} : { shard: { index: run.shard.index, count: run.shard.count } }),
		...(summary ? { summary } : {}),
	};
}

export interface ResolveOptions {
	/** `latest` skips shards and other parts of larger runs. Default false. */
	readonly wholeOnly?: boolean;
}

/**
 * Resolves RUN: `latest`, `<experiment>/<time>`, a `run_id` or a directory.
 * @throws AgentvError `not-found`
 */
export function resolveRun(run: string, machine: ResultsMachine, options: ResolveOptions = {}): string {
	const directory = resolve(machine.cwd, run);
	if (holdsRun(directory)) return directory;
	const runs = findRuns(machine).filter((found) => holdsRun(found.directory));
	if (run === "latest") {
		const latest = options.wholeOnly ? runs.find(({ directory }) => isWholeRun(directory)) : runs[0];
		if (latest) return latest.directory;
		throw new AgentvError("not-found", "there are no runs yet", { hint: "Run an eval: agentv eval run <eval>." });
	}
	const found = runs.find(({ id }) => id === run) ?? (isRunId(run) ? runs.find(hasId(run)) : undefined);
	if (found) return found.directory;
	const nearest = nearestName(
		run,
		runs.map(({ id }) => id),
	);
	throw new AgentvError("not-found", `no run ${JSON.stringify(run)}`, {
		hint: nearest ? `Did you mean ${nearest}?` : "`agentv results list` lists the runs.",
	});
}

/**
 * Resolves several RUNs.
 * @throws AgentvError `not-found`; `usage` if two of them are the same run
 */
export function resolveRuns(runs: readonly string[], machine: ResultsMachine): string[] {
	const names = new Map<string, string>();
	return runs.map((run) => {
		const directory = resolveRun(run, machine);
		const real = realPath(directory);
		const other = names.get(real);
		if (other !== undefined)
			throw new AgentvError(
				"usage",
				other === run ? `${run} was given twice` : `${other} and ${run} are the same run`,
				{
					hint: "Choose two different runs. `agentv results list` lists them.",
				},
			);
		names.set(real, run);
		return directory;
	});
}

/** Returns the newest run of any of these eval files (absolute paths). */
export function lastRunOf(files: readonly string[], machine: ResultsMachine): string | undefined {
	return findRuns(machine).find(({ directory }) => {
		const record = holdsRun(directory) ? recordOf(directory) : undefined;
		// A regraded run calls no target: it is only resumed by name.
		return record?.origin?.kind !== "regrade" && record?.evals.some(({ path }) => files.includes(path));
	})?.directory;
}

/** Excludes shards and other parts of a larger run. */
function isWholeRun(directory: string): boolean {
	const record = recordOf(directory);
	return record !== undefined && record.whole === undefined;
}

/** Recognizes the `run_id` of `run.json`, which JSON reports contain. */
function isRunId(text: string): boolean {
	return /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text);
}

function hasId(id: string): (found: FoundRun) => boolean {
	return ({ directory }) => recordOf(directory)?.runId === id;
}

/** An unreadable run is never the requested one. */
function recordOf(directory: string): RunFile | undefined {
	try {
		return readRunFile(directory);
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function holdsRun(directory: string): boolean {
	return pathKind(join(directory, "run.json")) === "file";
}
