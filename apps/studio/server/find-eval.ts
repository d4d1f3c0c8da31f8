import { createHash } from "node:crypto";
import { join } from "node:path";
import {
	AgentvError,
	benchmarkOfFile,
	type EvalValidation,
	fileStamp,
	findEntry,
	findEvals,
	isInside,
	openDiskView,
	type Registry,
	readRegistry,
	realPath,
	registryFile,
	safeName,
	targetKind,
	validateEvals,
} from "@agentv/core";

/** A benchmark's directory, or the one that Studio was started in. */
interface Place {
	/** First part of its evals' ids; `_` is reserved for Studio's own directory. */
	readonly scope: string;
	/** Null for Studio's own directory. */
	readonly benchmark: string | null;
	/** Absolute, links resolved. Ids never refer to files outside it. */
	readonly root: string;
	/** Synced from elsewhere, and so written by others. */
	readonly foreign: boolean;
}

const ownScope = "_";

/**
 * Returns Studio's own directory for `null` and `_`.
 * @throws AgentvError `not-found` for an unknown benchmark or a missing directory, `config`
 */
export function placeOf(
	benchmark: string | null,
	{ options: { cwd }, registry }: { readonly options: Pick<StudioOptions, "cwd">; readonly registry: RegistryReader },
): Place {
	if (benchmark === null || benchmark === ownScope)
		return { scope: ownScope, benchmark: null, root: realPath(cwd), foreign: false };
	const entry = findEntry(registry.read(), benchmark);
	if (entry.problem !== undefined && !entry.source) throw new AgentvError("config", entry.problem);
	if (targetKind(entry.path) !== "directory")
		throw new AgentvError("not-found", `the directory of ${benchmark}, ${entry.path}, does not exist`, {
			hint: entry.source ? "Sync the benchmark first." : "Correct its path in the registry, or remove the entry.",
		});
	return { scope: benchmark, benchmark, root: realPath(entry.path), foreign: entry.source !== undefined };
}

/** Everything that Studio may know about the machine. */
export interface StudioOptions {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** For runs, and for evals outside benchmarks. */
	readonly cwd: string;
	readonly host: string;
	/** At least 22 characters; default: random. */
	readonly token?: string;
	/** In addition to loopback names and `host`; without ports. */
	readonly allowHosts: readonly string[];
	readonly readOnly: boolean;
	readonly pages: string;
	readonly version: string;
	readonly report?: (error: unknown) => void;
}

/** Returns true if other machines can't reach `host`. */
export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Checks the registry for every request, but only parses it after a change. */
export class RegistryReader {
	readonly #env: StudioOptions["env"];
	#known: { readonly stamp: string; readonly registry: Registry } | undefined;

	constructor({ env }: Pick<StudioOptions, "env">) {
		this.#env = env;
	}

	/** @throws AgentvError `config` if the registry can't be read */
	read(): Registry {
		const stamp = fileStamp(registryFile(this.#env)) ?? "none";
		if (this.#known?.stamp !== stamp) this.#known = { stamp, registry: readRegistry(this.#env) };
		return this.#known.registry;
	}
}

export interface FoundEval {
	readonly id: string;
	readonly place: Place;
	/** Relative to the place, `/` between components. */
	readonly path: string;
	/** Absolute. */
	readonly file: string;
}

interface FoundEvals {
	readonly evals: readonly FoundEval[];
	/** The directory was too large to search completely. */
	readonly cut: boolean;
}

interface Listing extends FoundEvals {
	readonly byId: ReadonlyMap<string, FoundEval>;
	readonly at: number;
}

interface Known {
	readonly options: Pick<StudioOptions, "env" | "cwd">;
	readonly registry: RegistryReader;
}

/** A page requests the evals several times in parallel. */
const freshMs = 1000;
const maxListings = 300;

/** Ids are derived from paths one-way, so that only found files can be accessed. */
export class EvalFinder {
	readonly #listings = new Map<string, Listing>();
	readonly #known: Known;

	constructor(known: Known) {
		this.#known = known;
	}

	async list(place: Place): Promise<FoundEvals> {
		return this.#listing(place, false);
	}

	/** @throws AgentvError `not-found`, `refused` for a link to a file outside the place */
	async find(id: string): Promise<FoundEval> {
		const [scope, name] = id.split("~");
		if (!scope || !name)
			throw new AgentvError("not-found", "eval not found", { hint: "Find it in the list of evals." });
		const place = placeOf(scope, this.#known);
		const match = (await this.#listing(place, false)).byId.get(id) ?? (await this.#listing(place, true)).byId.get(id);
		if (!match) throw new AgentvError("not-found", "eval not found", { hint: "It may have been moved or deleted." });
		if (!isInside(place.root, realPath(match.file)))
			throw new AgentvError(
				"refused",
				`${match.path} is a link to a file outside ${place.benchmark ?? "the directory"}`,
			);
		return match;
	}

	/** Returns undefined if Studio must not read `file`; prefers the innermost benchmark. */
	async ofFile(file: string): Promise<FoundEval | undefined> {
		if (targetKind(file) !== "file") return undefined;
		const benchmark = benchmarkOfFile(file, this.#known.options.env);
		const place = placeOf(benchmark?.id ?? null, this.#known);
		const real = realPath(file);
		const { evals } = await this.#listing(place, false);
		return evals.find((candidate) => candidate.file === file || candidate.file === real);
	}

	mayRead(file: string): boolean {
		if (targetKind(file) !== "file") return false;
		const benchmark = benchmarkOfFile(file, this.#known.options.env);
		return isInside(placeOf(benchmark?.id ?? null, this.#known).root, realPath(file));
	}

	async #listing(place: Place, refresh: boolean): Promise<Listing> {
		const key = `${place.scope}\0${place.root}`;
		const known = this.#listings.get(key);
		if (known && !refresh && performance.now() - known.at < freshMs) return known;
		const { files, cut } = await findEvals(place.root);
		const evals = files.map(
			(path): FoundEval => ({ id: evalId(place, path), place, path, file: join(place.root, path) }),
		);
		const listing = {
			evals,
			cut,
			byId: new Map(evals.map((candidate) => [candidate.id, candidate])),
			at: performance.now(),
		};
		keep(this.#listings, key, listing, maxListings);
		return listing;
	}
}

/** Returns `benchmark~stem-digest`; stable while the file keeps its path within its place. */
function evalId(place: Place, path: string): string {
	return `${place.scope}~${safeName(path, createHash("sha256").update(path).digest("hex").slice(0, 16))}`;
}

export interface EvalMarks {
	readonly name: string;
	readonly tests: number;
	readonly targets: readonly string[];
	readonly errors: number;
	readonly warnings: number;
}

export type EvalMarkEvent =
	| { readonly type: "marks"; readonly id: string; readonly marks: EvalMarks }
	| { readonly type: "end" };

const maxEntries = 5000;

/** Caches the status, which is shown immediately and refreshed when the page requests it. */
export class EvalMarksCache {
	readonly #known = new Map<string, EvalMarks>();
	readonly #options: Pick<StudioOptions, "env" | "cwd">;

	constructor(options: Pick<StudioOptions, "env" | "cwd">) {
		this.#options = options;
	}

	known(file: string): EvalMarks | null {
		return this.#known.get(file) ?? null;
	}

	/** Checks one file after the other, yielding to other requests in between. */
	async *look(files: readonly string[], signal: AbortSignal): AsyncGenerator<{ file: string; marks: EvalMarks }> {
		const { env, cwd } = this.#options;
		for await (const validation of validateEvals(files, { view: openDiskView(), env, cwd, signal }))
			yield { file: validation.file, marks: this.remember(validation) };
	}

	remember(validation: EvalValidation): EvalMarks {
		const { file, name, tests, targets, diagnostics } = validation;
		const errors = diagnostics.filter(({ severity }) => severity === "error").length;
		const marks = { name, tests, targets, errors, warnings: diagnostics.length - errors };
		keep(this.#known, file, marks, maxEntries);
		return marks;
	}
}

/** Drops the oldest of more than `maxEntries`. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, maxEntries: number): void {
	map.delete(key);
	map.set(key, value);
	const [oldest] = map.keys();
	if (map.size > maxEntries && oldest !== undefined) map.delete(oldest);
}

/** Matches texts that contain all words of `search`, ignoring case. */
export function matcher(search: string | undefined): (text: string) => boolean {
	const words = (search ?? "").toLowerCase().split(/\s+/).filter(Boolean);
	if (words.length === 0) return () => true;
	return (text) => {
		const lower = text.toLowerCase();
		return words.every((word) => lower.includes(word));
	};
}
