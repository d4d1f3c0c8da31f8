import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { openRegular } from "./open-regular.ts";

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
	const { size, file } = readStream(path);
	file.once("close", onEnd);
	return { size, stream: Readable.toWeb(file) as ReadableStream<Uint8Array> };
}

/** Opens a regular file as a stream, which closes it. @throws AgentvError */
export function readStream(path: string): { readonly size: number; readonly file: Readable } {
	const { descriptor, stat } = openRegular(path);
	return { size: stat.size, file: createReadStream("", { fd: descriptor, start: 0 }) };
}
