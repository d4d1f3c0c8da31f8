import { createHash } from "node:crypto";
import { join } from "node:path";
import { AgentvError, benchmarkOfFile, findEvals, isInside, realPath, safeName, targetKind } from "@agentv/core";
import type { StudioOptions } from "./options.ts";
import { type Place, placeOf } from "./places.ts";
import type { RegistryReader } from "./registry-reader.ts";

/** An eval file that Studio may read. */
export interface FoundEval {
	readonly id: string;
	readonly place: Place;
	/** Relative to the place, `/` between components. */
	readonly path: string;
	/** Absolute. */
	readonly file: string;
}

export interface FoundEvals {
	readonly evals: readonly FoundEval[];
	/** Whether the directory was too large to search completely. */
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

/** How long a search is cached, because a page requests the evals several times in parallel. */
const freshMs = 1000;
const keptListings = 300;

/** Finds evals by place and id. Ids are derived from paths one-way, so that only found files can be accessed. */
export class EvalFinder {
	readonly #listings = new Map<string, Listing>();
	readonly #known: Known;

	constructor(known: Known) {
		this.#known = known;
	}

	async list(place: Place): Promise<FoundEvals> {
		return this.#listing(place, false);
	}

	/** @throws AgentvError `not-found` for an unknown id, `refused` for a link to a file outside its place */
	async find(id: string): Promise<FoundEval> {
		const [scope, name] = id.split("~");
		if (!scope || !name)
			throw new AgentvError("not-found", "eval not found", { hint: "Find it in the list of evals." });
		const place = placeOf(scope, this.#known);
		const found = (await this.#listing(place, false)).byId.get(id) ?? (await this.#listing(place, true)).byId.get(id);
		if (!found) throw new AgentvError("not-found", "eval not found", { hint: "It may have been moved or deleted." });
		if (!isInside(place.root, realPath(found.file)))
			throw new AgentvError(
				"refused",
				`${found.path} is a link to a file outside ${place.benchmark ?? "the directory"}`,
			);
		return found;
	}

	/** Returns the eval in `file` if Studio may read it, in the innermost benchmark or Studio's own directory. */
	async ofFile(file: string): Promise<FoundEval | undefined> {
		if (targetKind(file) !== "file") return undefined;
		const benchmark = benchmarkOfFile(file, this.#known.options.env);
		const place = placeOf(benchmark?.id ?? null, this.#known);
		const real = realPath(file);
		const { evals } = await this.#listing(place, false);
		return evals.find((found) => found.file === file || found.file === real);
	}

	/** Returns whether Studio may read `file`. */
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
		const listing = { evals, cut, byId: new Map(evals.map((found) => [found.id, found])), at: performance.now() };
		this.#listings.delete(key);
		this.#listings.set(key, listing);
		const [oldest] = this.#listings.keys();
		if (this.#listings.size > keptListings && oldest !== undefined) this.#listings.delete(oldest);
		return listing;
	}
}

/** Returns `benchmark~stem-digest`, stable as long as the file keeps its path within its place. */
function evalId(place: Place, path: string): string {
	return `${place.scope}~${safeName(path, createHash("sha256").update(path).digest("hex").slice(0, 16))}`;
}
