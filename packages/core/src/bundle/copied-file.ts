import { relative, sep } from "node:path";
import type { BundleFile } from "../schema/bundle-manifest.ts";
import { copySource, copyTarget, type PlannedCopy } from "./collect-copies.ts";

/** A copied file as the manifest lists it. Its paths are put together when they are asked for: there may be 100,000 of them. */
export class CopiedFile implements BundleFile {
	readonly size: number;
	readonly sha256: string;
	readonly #copy: PlannedCopy;
	readonly #sourceRoot: string;

	constructor(copy: PlannedCopy, size: number, sha256: string, sourceRoot: string) {
		this.#copy = copy;
		this.size = size;
		this.sha256 = sha256;
		this.#sourceRoot = sourceRoot;
	}

	get path(): string {
		return copyTarget(this.#copy);
	}

	get mode(): BundleFile["mode"] {
		if (this.#copy.link !== undefined) return "link";
		return this.#copy.executable ? "755" : "644";
	}

	get kind(): BundleFile["kind"] {
		return this.#copy.root.kind;
	}

	get source(): string {
		return relative(this.#sourceRoot, copySource(this.#copy)).split(sep).join("/");
	}
}
