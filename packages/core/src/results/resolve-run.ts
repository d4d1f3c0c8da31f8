import { join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { nearestName } from "../base/nearest.ts";
import { pathKind, realPath } from "../io/files/stat-path.ts";
import { readRunFile } from "../model/result-files.ts";
import type { ResultsMachine } from "../model/run-roots.ts";
import type { RunFile } from "../schema/run-file.ts";
import { type FoundRun, findRuns } from "./find-runs.ts";

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
