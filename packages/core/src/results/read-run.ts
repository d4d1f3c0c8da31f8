import { join, resolve } from "node:path";
import { linesOf, parseRow, readIndex, readRunFile, readSummary, rowKey, wholeLines } from "../eval/discover-evals.ts";
import { type ResultsMachine, type RunRoot, recordPath, runRoots } from "../eval/run-digest.ts";
import {
	fingerprintParts,
	type ResultRow,
	type RunFile,
	type RunSummary,
	type TableRow,
	tableRowSchema,
	toWireSummary,
} from "../format/run-file.ts";
import { testsNotRun } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { nearestName } from "../lib/text.ts";
import { listDirectory } from "../machine/directories.ts";
import { expectShortLived } from "../machine/environment.ts";
import { fileStamp, pathKind, realPath, targetKind } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { readHead } from "../machine/read-file.ts";

/** Returns whether every planned test has a result. */
export function isFinished(summary: RunSummary | undefined): summary is RunSummary {
	return summary !== undefined && testsNotRun(summary) === 0;
}

/** Only found; its files are not read. */
interface FoundRun {
	/** The RUN argument: `<experiment>/<time>`, after `<owner>/` for benchmarks and bundles. */
	readonly id: string;
	/** Absolute. */
	readonly directory: string;
	readonly experiment: string;
	readonly owner?: string;
	/** The directory's name: the UTC start time. */
	readonly time: string;
}

/** Lists runs, newest first; only opens those that started in the same second. */
export function findRuns(machine: ResultsMachine): FoundRun[] {
	return runRoots(machine)
		.flatMap(runsBelow)
		.sort((a, b) => compare(b.time, a.time) || compare(startOf(b), startOf(a)) || compare(a.id, b.id));
}

/** Has milliseconds, unlike `time`. */
const startOf = ({ directory }: FoundRun): string => recordOf(directory)?.startedAt ?? "";

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

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

export interface RunHead {
	readonly id: string;
	readonly directory: string;
	readonly experiment: string;
	readonly state: RunState | "unreadable";
	/** Null if it is unreadable. */
	readonly startedAt: string | null;
	/** Tests × targets. */
	readonly planned: number;
	readonly evals: readonly { readonly file: string; readonly path: string; readonly name: string }[];
	readonly targets: readonly string[];
	readonly owner?: string | undefined;
	readonly shard?: { readonly index: number; readonly count: number } | undefined;
	/** Absent until the run has ended. */
	readonly summary?: RunSummary | undefined;
	readonly benchmark?: string | undefined;
	/** Why the record is unreadable. */
	readonly problem?: string | undefined;
}

/** `unfinished` runs were interrupted or killed, or aren't known to be running. */
export type RunState = "finished" | "unfinished" | "under way";

/** Returns a run's state; only runs without a complete summary can be under way. */
export function runState(directory: string, summary: RunSummary | undefined): RunState {
	if (isFinished(summary)) return "finished";
	const isRunning = targetKind(directory) === "directory" && isLocked(directory, { lockDirectory: directory });
	return isRunning ? "under way" : "unfinished";
}

export function readRunHead(entry: FoundRun): RunHead {
	const { id, directory, experiment, owner } = entry;
	try {
		const run = readRunFile(directory);
		const summary = readSummary(directory);
		const { index, count } = run.shard ?? {};
		return {
			...{ id, directory, experiment, state: isFinished(summary) ? "finished" : "unfinished" },
			...{ startedAt: run.startedAt, planned: run.planned.length },
			evals: run.evals.map(({ file, path, name }) => ({ file, path, name })),
			targets: run.targets.map(({ name }) => name),
			owner,
			shard: index === undefined || count === undefined ? undefined : { index, count },
			...{ summary, benchmark: run.benchmark?.id },
		};
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const nothing = { startedAt: null, planned: 0, evals: [], targets: [] };
		return { id, directory, experiment, state: "unreadable", ...nothing, owner, problem: error.message };
	}
}

/** Returns a run for the lists of the command line and Studio. */
export function headRecord({ startedAt, evals, summary, ...head }: RunHead) {
	const { id, directory, experiment, state, planned, targets, owner, shard } = head;
	return {
		...{ id, directory, experiment, state, started_at: startedAt, planned },
		...{ evals: evals.map(({ file, name }) => ({ file, name })), targets, owner, shard },
		summary: summary ? toWireSummary(summary) : null,
	};
}

interface ListRunsOptions {
	/** Number of runs to skip; default 0. */
	readonly offset?: number;
	/** Default 50. */
	readonly limit?: number;
	readonly experiment?: string | undefined;
}

/** Returns a page of runs, newest first, and the number of all. Only opens the runs of the page. */
export function listRuns(machine: ResultsMachine, options: ListRunsOptions = {}) {
	const { offset = 0, limit = 50, experiment } = options;
	const all = findRuns(machine).filter(
		(run) => (experiment === undefined || run.experiment === experiment) && holdsRun(run.directory),
	);
	return { total: all.length, runs: all.slice(offset, offset + limit).map(readRunHead) };
}

interface ResolveOptions {
	/** Whether `latest` skips shards and other parts of larger runs; default false. */
	readonly wholeOnly?: boolean;
}

/**
 * Resolves RUN: `latest`, `<experiment>/<time>`, a `run_id` or a directory.
 * @throws AgentvError `not-found`
 */
export function resolveRun(run: string, machine: ResultsMachine, options: ResolveOptions = {}): string {
	const directory = resolve(machine.cwd, run);
	if (holdsRun(directory)) return directory;
	const runs = findRuns(machine).filter((run) => holdsRun(run.directory));
	if (run === "latest") {
		const latest = options.wholeOnly ? runs.find(({ directory }) => isWholeRun(directory)) : runs[0];
		if (latest) return latest.directory;
		throw new AgentvError("not-found", "there are no runs yet", { hint: "Run an eval: agentv eval run <eval>." });
	}
	const match = runs.find(({ id }) => id === run) ?? (isRunId(run) ? runs.find(hasId(run)) : undefined);
	if (match) return match.directory;
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
		// A regraded run calls no target, so it is only resumed by name.
		return record?.origin?.kind !== "regrade" && record?.evals.some(({ path }) => files.includes(path));
	})?.directory;
}

function isWholeRun(directory: string): boolean {
	const record = recordOf(directory);
	return record !== undefined && record.whole === undefined;
}

/** JSON reports contain this id. */
function isRunId(text: string): boolean {
	return /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text);
}

function hasId(id: string): (run: FoundRun) => boolean {
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

export interface RunReading {
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	readonly summary?: RunSummary;
	/** In completion order; only the last one of a repeated attempt. */
	readonly rows: readonly ResultRow[];
}

/** The rows stay on disk. */
export interface OpenRun extends Omit<RunReading, "rows"> {
	readonly rows: StoredRows;
}

/**
 * Opens a run of any size and skips a truncated last line.
 * @throws AgentvError `not-found`, `config`
 */
export function openRun(directory: string): OpenRun {
	expectShortLived();
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: new StoredRows(directory), ...(summary ? { summary } : {}) };
}

/** Reads a run and skips a truncated last line. @throws AgentvError `not-found`, `config` */
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

/**
 * Yields only what tables and comparisons need: several times as fast and small as whole rows.
 * @param badLines receives the 1-based numbers of invalid lines
 */
export function* tableRows(directory: string, badLines: number[] = []): Generator<TableRow> {
	const texts = new Map<string, string>();
	const shared = (text: string): string => {
		const known = texts.get(text) ?? text;
		texts.set(known, known);
		return known;
	};
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const read = readJson(text);
		const { data: row } = tableRowSchema.safeParse("value" in read ? read.value : undefined);
		if (!row) badLines.push(line);
		else {
			row.eval = shared(row.eval);
			row.target = shared(row.target);
			for (const part of fingerprintParts) if (row.fingerprint) row.fingerprint[part] = shared(row.fingerprint[part]);
			yield row;
		}
	}
}

/** Returns the rows of `tableRows`; only the last one of a repeated attempt. */
export function readRunTable(directory: string): readonly TableRow[] {
	const rows = new Map<string, TableRow>();
	for (const row of tableRows(directory)) {
		const key = rowKey(row);
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

/** Returns stamps that change with the record's description, summary and rows. */
export function runStamps(directory: string): { readonly run: string | undefined; readonly rows: string | undefined } {
	const run = fileStamp(join(directory, "run.json"));
	const summary = fileStamp(join(directory, "summary.json"));
	return { run: run && `${run}; ${summary ?? ""}`, rows: fileStamp(join(directory, "index.jsonl")) };
}

/**
 * Returns the first `maxBytes` of a record, by its path relative to the run; undefined if missing.
 * @throws AgentvError `refused` if it is outside the run's directory
 */
export function readRecordHead(
	directory: string,
	path: string,
	maxBytes: number,
): { readonly text: string; readonly cut: boolean; readonly size: number } | undefined {
	return readHead(recordPath(directory, path), maxBytes);
}

/** Identifies the attempt of a line that AgentV wrote, without parsing the rest. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("[^"\\]*"),"eval":("[^"\\]*"),"target":("[^"\\]*"),"attempt":(\d{1,9}),/;
const maxBeginning = 512;

/** Equal to `rowKey`; undefined for lines that begin differently. */
function keyOfBeginning(text: string): string | undefined {
	const match = beginning.exec(text);
	return match ? `[${match[2]},${match[1]},${match[3]},${match[4]}]` : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}

export interface RecordedRow {
	readonly row: ResultRow;
	readonly text: string;
}

/**
 * Iterates in completion order, with only the last row of a repeated attempt. Each iteration reads
 * from the disk, so memory stays small; appended rows are not visible.
 */
export class StoredRows implements Iterable<ResultRow> {
	readonly #file: string;
	#lines = 0;
	readonly #superseded = new Set<number>();
	readonly #bad = new Set<number>();
	/** Includes lines that are only invalid after their beginning. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		const last = new Map<string, number>();
		for (const line of linesOf(this.#file)) {
			this.#lines += 1;
			const key = keyOfBeginning(line.head(maxBeginning)) ?? keyOf(line.text());
			if (key === undefined) {
				this.#bad.add(this.#lines);
				continue;
			}
			const before = last.get(key);
			if (before !== undefined) this.#superseded.add(before);
			last.set(key, this.#lines);
		}
		this.count = last.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#lines) return;
			line += 1;
			if (this.#superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** 1-based; complete after iterating over the rows. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}
