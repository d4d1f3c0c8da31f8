import {
	AgentvError,
	type FoundRun,
	findRuns,
	isFinished,
	isRunUnderWay,
	type RunFile,
	type RunSummary,
	readRunFile,
	readSummary,
	runStamps,
} from "@agentv/core";
import type { StudioOptions } from "./options.ts";

/** A run's record without its long fields, for lists. */
export interface CatalogRun {
	/** `experiment~time`, `owner~experiment~time`. */
	readonly id: string;
	readonly directory: string;
	readonly experiment: string;
	/** ISO 8601; derived from the folder's name if the run can't be read. */
	readonly startedAt: string;
	readonly benchmark: string | null;
	readonly evals: readonly { readonly file: string; readonly path: string; readonly name: string }[];
	readonly targets: readonly string[];
	readonly planned: number;
	readonly summary: RunSummary | undefined;
	/** Why it can't be read. */
	readonly problem: string | undefined;
}

interface Known {
	readonly stamp: string;
	readonly run: CatalogRun;
}

/** Milliseconds of reading before yielding to other requests. */
const turnMs = 20;
/** How long a listing is cached, because a page sends several requests in parallel. */
const freshMs = 500;

/** Lists all runs that Studio may show; reads a run again if it has changed. */
export class RunCatalog {
	#known = new Map<string, Known>();
	#all: readonly CatalogRun[] = [];
	#at = Number.NEGATIVE_INFINITY;
	#reading: Promise<readonly CatalogRun[]> | undefined;
	readonly #options: Pick<StudioOptions, "env" | "cwd">;

	constructor(options: Pick<StudioOptions, "env" | "cwd">) {
		this.#options = options;
	}

	/** Newest first. */
	async all(): Promise<readonly CatalogRun[]> {
		if (performance.now() - this.#at < freshMs) return this.#all;
		this.#reading ??= this.#read().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	/** @throws AgentvError `not-found` */
	async find(id: string): Promise<CatalogRun> {
		for (const refresh of [false, true]) {
			if (refresh) this.forget();
			const found = (await this.all()).find((run) => run.id === id);
			if (found) return found;
		}
		throw new AgentvError("not-found", "run not found", { hint: "It may have been moved or deleted." });
	}

	/** Returns the run in `directory`, which has just started. */
	async inDirectory(directory: string): Promise<CatalogRun | undefined> {
		this.forget();
		return (await this.all()).find((run) => run.directory === directory);
	}

	/** Clears the cached listing. */
	forget(): void {
		this.#at = Number.NEGATIVE_INFINITY;
	}

	async #read(): Promise<readonly CatalogRun[]> {
		const known = new Map<string, Known>();
		let turn = performance.now();
		for (const found of findRuns(this.#options)) {
			if (performance.now() - turn > turnMs) {
				await new Promise((resolve) => setImmediate(resolve));
				turn = performance.now();
			}
			const stamp = runStamps(found.directory).run;
			if (stamp === undefined) continue; // not started yet
			const before = this.#known.get(found.directory);
			known.set(found.directory, before?.stamp === stamp ? before : { stamp, run: readCatalogRun(found) });
		}
		this.#known = known;
		this.#all = [...known.values()].map(({ run }) => run);
		this.#at = performance.now();
		return this.#all;
	}
}

function readCatalogRun(found: FoundRun): CatalogRun {
	const { id, directory, experiment, owner } = found;
	const base = { id: id.replaceAll("/", "~"), directory };
	try {
		return { ...base, ...short(readRunFile(directory)), summary: readSummary(directory), problem: undefined };
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const startedAt = found.time.replace(/T(\d\d)-(\d\d)-(\d\d)Z.*$/, "T$1:$2:$3Z");
		const nothing = { benchmark: owner ?? null, evals: [], targets: [], planned: 0, summary: undefined };
		return { ...base, experiment, startedAt, ...nothing, problem: error.message };
	}
}

function short({ experiment, startedAt, benchmark, evals, targets, planned }: RunFile) {
	return {
		experiment,
		startedAt,
		benchmark: benchmark?.id ?? null,
		evals: evals.map(({ file, path, name }) => ({ file, path, name })),
		targets: [...new Set(planned.map(([, , target]) => target))].concat(planned.length === 0 ? names(targets) : []),
		planned: planned.length,
	};
}

function names(targets: RunFile["targets"]): string[] {
	return targets.map(({ name }) => name);
}

/** Returns `running` if a process is working on it, `interrupted` if it ended early. */
export function runState({ directory, summary }: CatalogRun): "running" | "done" | "interrupted" {
	if (isFinished(summary)) return "done";
	return isRunUnderWay(directory) ? "running" : "interrupted";
}
