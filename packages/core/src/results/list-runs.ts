import { join, resolve } from "node:path";
import { readRunFile, readSummary } from "../eval/discover-evals.ts";
import { type ResultsMachine, type RunRoot, runRoots } from "../eval/trust-record.ts";
import type { RunFile, RunSummary } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { nearestName } from "../lib/text.ts";
import { listDirectory } from "../machine/directories.ts";
import { pathKind, realPath } from "../machine/files.ts";
import { isFinished } from "./read-run.ts";

/** A run's folder, not yet looked into. */
export interface FoundRun {
	/** `<experiment>/<time>`, for benchmarks and bundles `<owner>/<experiment>/<time>`: what commands take as RUN. */
	readonly id: string;
	/** Absolute. */
	readonly directory: string;
	readonly experiment: string;
	readonly owner?: string;
	/** The folder's name: the UTC time of its start. */
	readonly time: string;
}

/** All runs, newest first. Lists directories; only runs begun in one second are opened, to tell which was first. */
export function findRuns(machine: ResultsMachine): FoundRun[] {
	return runRoots(machine)
		.flatMap(runsBelow)
		.sort((a, b) => compare(b.time, a.time) || compare(startOf(b), startOf(a)) || compare(a.id, b.id));
}

/** When a run began, to the millisecond; empty for what cannot be read. */
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

/** A run in a list. */
export interface RunListItem extends FoundRun {
	/** `unfinished`: under way, interrupted or killed; `unreadable`: its files can't be read. */
	readonly state: "finished" | "unfinished" | "unreadable";
	readonly startedAt?: string;
	readonly evals: readonly { readonly file: string; readonly name: string }[];
	readonly targets: readonly string[];
	/** Tests × targets. */
	readonly planned: number;
	/** Where it is one of several parts of a run. */
	readonly shard?: { readonly index: number; readonly count: number };
	readonly summary?: RunSummary;
}

export interface RunList {
	/** Of all runs, whatever page was asked for. */
	readonly total: number;
	readonly runs: readonly RunListItem[];
}

export interface ListRunsOptions {
	/** How many to pass by. Default 0. */
	readonly offset?: number;
	/** Default 50. */
	readonly limit?: number;
	readonly experiment?: string;
}

/** A page of the runs, newest first. Only the runs of the page are opened. */
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
	/** `latest` passes by shards and other parts of larger runs. Default false. */
	readonly wholeOnly?: boolean;
}

/**
 * The directory that RUN means: `latest`, `<experiment>/<time>`, a `run_id` or a directory.
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
 * The directories that several RUNs mean.
 * @throws AgentvError `not-found`; `usage` where two of them are one run: it differs from itself in nothing
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

/** The newest run that ran any of these eval files (absolute paths). */
export function lastRunOf(files: readonly string[], machine: ResultsMachine): string | undefined {
	return findRuns(machine).find(({ directory }) => {
		const record = holdsRun(directory) ? recordOf(directory) : undefined;
		// A regraded run calls no target: it is resumed by its name only.
		return record?.origin?.kind !== "regrade" && record?.evals.some(({ path }) => files.includes(path));
	})?.directory;
}

/** Not a shard, nor another part of a larger run. */
function isWholeRun(directory: string): boolean {
	const record = recordOf(directory);
	return record !== undefined && record.whole === undefined;
}

/** `run_id` of `run.json`, as JSON reports name runs. */
function isRunId(text: string): boolean {
	return /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text);
}

function hasId(id: string): (found: FoundRun) => boolean {
	return ({ directory }) => recordOf(directory)?.runId === id;
}

/** Undefined for a run that can't be read: it is not the one that is looked for. */
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
