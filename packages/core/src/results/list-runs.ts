import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { readRunFile, readSummary } from "../model/result-files.ts";
import type { ResultsMachine } from "../model/run-roots.ts";
import type { RunSummary } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { type FoundRun, findRuns } from "./find-runs.ts";
import { isFinished } from "./run-state.ts";

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
