import { chmodSync } from "node:fs";
import { errnoCode } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/** Makes files and directories that even their owner can't read temporarily readable. */
export class Openings {
	readonly #modes: [path: string, mode: number][] = [];

	/** Makes a file or directory readable. Other users' files stay unchanged. */
	open(path: string, { kind, mode }: { readonly kind: string; readonly mode: number }): void {
		const needed = kind === "directory" ? 0o500 : kind === "file" ? 0o400 : 0;
		if ((mode & needed) === needed) return;
		if (changeMode(path, mode | needed)) this.#modes.push([path, mode]);
	}

	/** Restores all original modes. */
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
