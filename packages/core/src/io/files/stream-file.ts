import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { openRegular } from "./open-regular.ts";

export interface FileStream {
	/** Bytes. */
	readonly size: number;
	readonly stream: ReadableStream<Uint8Array>;
}

/**
 * Returns a file as a byte stream. `onEnd` is called once, after the last byte or when the reader
 * stops.
 * @throws AgentvError if it is inaccessible
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
