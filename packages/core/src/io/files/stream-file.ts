import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { fileError } from "./file-error.ts";

export interface FileStream {
	/** Bytes. */
	readonly size: number;
	readonly stream: ReadableStream<Uint8Array>;
}

/**
 * A file as a stream of bytes. `onEnd` is called once, when it was read to its end or the reader went away.
 * @throws AgentvError where it can't be looked at
 */
export function streamFile(path: string, onEnd: () => void): FileStream {
	try {
		const { size } = statSync(path);
		const file = createReadStream(path);
		file.once("close", onEnd);
		return { size, stream: Readable.toWeb(file) as ReadableStream<Uint8Array> };
	} catch (error) {
		throw fileError(path, error);
	}
}
