import { relative, sep } from "node:path";
import type { Masker } from "../base/secrets.ts";
import { isInside } from "../io/files/path-inside.ts";

/** What the records of a run call files: by their path from the eval's root, absolute when that is ambiguous or leads out of it. */
export class FileNames {
	readonly #masker: Masker;
	readonly #names = new Map<string, string>();
	readonly #paths = new Map<string, string>();

	constructor(masker: Masker) {
		this.#masker = masker;
	}

	/** @param path absolute */
	of(path: string, root: string): string {
		const known = this.#names.get(path);
		if (known !== undefined) return known;
		const short = isInside(root, path) ? relative(root, path).split(sep).join("/") || "." : path;
		// Evals of one run may lie in different repositories.
		const name = this.#masker(this.#paths.has(short) ? path : short);
		this.#names.set(path, name);
		this.#paths.set(name, path);
		return name;
	}
}
