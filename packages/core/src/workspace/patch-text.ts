import { dirname } from "node:path";
import { makeDirectories } from "../io/files/make-directories.ts";
import { openOwnFile } from "../io/files/own-files.ts";
import type { FileChanges } from "./contract.ts";

/** Characters kept in memory. */
const mostInMemory = 8 * 1024 * 1024;

/** A text that is written piece by piece: in memory while it is small, then in a file. */
export class PatchText {
	readonly #path: string;
	readonly #pieces: string[] = [];
	#length = 0;
	#file: ReturnType<typeof openOwnFile> | undefined;

	/** @param path of the file, made or replaced when it is needed */
	constructor(path: string) {
		this.#path = path;
	}

	/** @throws AgentvError when the disk takes no more */
	write(text: string): void {
		this.#length += text.length;
		if (!this.#file && this.#length > mostInMemory) {
			makeDirectories(dirname(this.#path));
			this.#file = openOwnFile(this.#path);
			for (const piece of this.#pieces.splice(0)) this.#file.write(piece);
		}
		if (this.#file) this.#file.write(text);
		else this.#pieces.push(text);
	}

	/** Closes the file. Call it also after a failure. */
	close(): void {
		this.#file?.close();
	}

	/** What was written. */
	result(): FileChanges["patch"] {
		return this.#file ? { file: this.#path } : { text: this.#pieces.join("") };
	}
}
