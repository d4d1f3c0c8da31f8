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

/** What a list needs of a run: its record without what is long in it. */
export interface CatalogRun {
	/** `experiment~time`, `owner~experiment~time`. */
	readonly id: string;
	readonly directory: string;
	readonly experiment: string;
	/** ISO 8601; of a run that can't be read as far as its folder's name tells. */
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

/** How long is read in one go before other requests get their turn. */
const turnMs = 20;
/** For so long the folders are not listed again: a page asks for its run in several requests at once. */
const freshMs = 500;

/** All runs that Studio may show, found anew and read where they have changed. */
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
		for (const anew of [false, true]) {
			if (anew) this.forget();
			const found = (await this.all()).find((run) => run.id === id);
			if (found) return found;
		}
		throw new AgentvError("not-found", "there is no such run", { hint: "it may have been moved or removed" });
	}

	/** The run in `directory`, which has just begun. */
	async inDirectory(directory: string): Promise<CatalogRun | undefined> {
		this.forget();
		return (await this.all()).find((run) => run.directory === directory);
	}

	/** The next question lists folders again. */
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
			if (stamp === undefined) continue; // not begun yet
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

/** `running`: a process is at work on it; `interrupted`: it ended before all was done. */
export function runState({ directory, summary }: CatalogRun): "running" | "done" | "interrupted" {
	if (isFinished(summary)) return "done";
	return isRunUnderWay(directory) ? "running" : "interrupted";
}
