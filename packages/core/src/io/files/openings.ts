import { chmodSync } from "node:fs";
import { errnoCode } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/** Files and directories that not even their owner may read, opened for as long as they are looked at. */
export class Openings {
	readonly #modes: [path: string, mode: number][] = [];

	/** Makes a file or directory of that mode readable, where it is not. What belongs to somebody else stays as it is. */
	open(path: string, { kind, mode }: { readonly kind: string; readonly mode: number }): void {
		const needed = kind === "directory" ? 0o500 : kind === "file" ? 0o400 : 0;
		if ((mode & needed) === needed) return;
		if (changeMode(path, mode | needed)) this.#modes.push([path, mode]);
	}

	/** Gives everything the mode that it had. */
	close(): void {
		for (const [path, mode] of this.#modes.reverse()) changeMode(path, mode);
		this.#modes.length = 0;
	}
}

function changeMode(path: string, mode: number): boolean {
	try {
		chmodSync(systemPath(path), mode);
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
