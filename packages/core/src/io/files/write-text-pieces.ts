import { closeSync, openSync, writeSync } from "node:fs";
import { fileError } from "./file-error.ts";

const flushAt = 64 * 1024;

/** Writes a new file piece by piece, so that a large text never stands in memory whole. */
export function writeTextPieces(path: string, pieces: Iterable<string>): void {
	try {
		const descriptor = openSync(path, "wx");
		try {
			let waiting = "";
			for (const piece of pieces) {
				waiting += piece;
				if (waiting.length < flushAt) continue;
				writeAll(descriptor, waiting);
				waiting = "";
			}
			writeAll(descriptor, waiting);
		} finally {
			closeSync(descriptor);
		}
	} catch (error) {
		throw fileError(path, error);
	}
}

function writeAll(descriptor: number, text: string): void {
	const bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
