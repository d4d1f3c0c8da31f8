import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { readRunFile } from "../model/result-files.ts";
import { type ResultsMachine, type RunRoot, runRoots } from "../model/run-roots.ts";

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
