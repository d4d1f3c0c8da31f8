import { openOwnFile } from "../io/files/own-files.ts";
import type { FileChanges } from "./contract.ts";

/** Characters kept in memory. */
const mostInMemory = 8 * 1024 * 1024;

/** A text written in chunks: in memory while it is small, then in a file. */
export class PatchText {
	readonly #place: () => string;
	readonly #pieces: string[] = [];
	#length = 0;
	#path = "";
	#file: ReturnType<typeof openOwnFile> | undefined;

	/** @param place returns the file's path, called on first use */
	constructor(place: () => string) {
		this.#place = place;
	}

	/** @throws AgentvError if the disk is full */
	write(text: string): void {
		this.#length += text.length;
		if (!this.#file && this.#length > mostInMemory) {
			this.#path = this.#place();
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

	result(): FileChanges["patch"] {
		return this.#file ? { file: this.#path } : { text: this.#pieces.join("") };
	}
}
