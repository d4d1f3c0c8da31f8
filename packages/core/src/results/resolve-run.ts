import { join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { nearestName } from "../base/nearest.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { readRunFile } from "../model/result-files.ts";
import { findRuns } from "./find-runs.ts";
import type { ResultsMachine } from "./run-roots.ts";

export interface ResolveOptions {
	/** `latest` passes by shards and other parts of larger runs. Default false. */
	readonly wholeOnly?: boolean;
}

/**
 * The directory that RUN means: `latest`, `<experiment>/<time>` or a directory.
 * @throws AgentvError `not-found`
 */
export function resolveRun(run: string, machine: ResultsMachine, options: ResolveOptions = {}): string {
	const directory = resolve(machine.cwd, run);
	if (holdsRun(directory)) return directory;
	const runs = findRuns(machine).filter((found) => holdsRun(found.directory));
	if (run === "latest") {
		const latest = options.wholeOnly ? runs.find(({ directory }) => isWhole(directory)) : runs[0];
		if (latest) return latest.directory;
		throw new AgentvError("not-found", "there is no run yet", { hint: "Run an eval: agentv eval run <eval>." });
	}
	const found = runs.find(({ id }) => id === run);
	if (found) return found.directory;
	const nearest = nearestName(
		run,
		runs.map(({ id }) => id),
	);
	throw new AgentvError("not-found", `there is no run ${JSON.stringify(run)}`, {
		hint: nearest ? `Did you mean ${nearest}?` : "`agentv results list` lists the runs.",
	});
}

function isWhole(directory: string): boolean {
	try {
		return readRunFile(directory).whole === undefined;
	} catch (error) {
		if (error instanceof AgentvError) return false;
		throw error;
	}
}

/** The newest run that ran any of these eval files (absolute paths). */
export function lastRunOf(files: readonly string[], machine: ResultsMachine): string | undefined {
	return findRuns(machine).find(({ directory }) => {
		if (!holdsRun(directory)) return false;
		try {
			return readRunFile(directory).evals.some(({ path }) => files.includes(path));
		} catch (error) {
			// A run that can't be read is not the one that is looked for.
			if (error instanceof AgentvError) return false;
			throw error;
		}
	})?.directory;
}

function holdsRun(directory: string): boolean {
	return pathKind(join(directory, "run.json")) === "file";
}
