import { StringDecoder } from "node:string_decoder";

/** Longer lines are emitted in chunks, so that memory stays bounded. */
const maxLine = 1024 * 1024;

/**
 * Splits a byte stream into lines for `onLine`, without line breaks. LF, CRLF and a lone CR
 * (progress bars) end a line; `end` flushes the rest.
 */
export class LineSplitter {
	readonly #decoder = new StringDecoder("utf8");
	readonly #onLine: (line: string) => void;
	#rest = "";

	constructor(onLine: (line: string) => void) {
		this.#onLine = onLine;
	}

	write(chunk: Buffer): void {
		this.#split(this.#rest + this.#decoder.write(chunk), false);
	}

	end(): void {
		this.#split(this.#rest + this.#decoder.end(), true);
	}

	#split(text: string, isLast: boolean): void {
		// A CR at the very end can be the first half of a CRLF: it waits for the next chunk.
		const held = !isLast && text.endsWith("\r") ? "\r" : "";
		const lines = (held ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
		const last = lines.pop() ?? "";
		for (const line of lines) this.#onLine(line);
		if (isLast ? last !== "" : last.length > maxLine) {
			this.#onLine(last);
			this.#rest = held;
		} else this.#rest = last + held;
	}
}
