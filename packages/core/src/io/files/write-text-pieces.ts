import { closeSync, openSync, writeSync } from "node:fs";
import { fileError } from "./file-error.ts";

const flushAt = 64 * 1024;

/** Writes a new file piece by piece, so that a large text never stands in memory whole. */
export function writeTextPieces(path: string, pieces: Iterable<string>): void {
	try {
		const descriptor = openSync(path, "wx");
		try {
			writePieces(descriptor, pieces);
		} finally {
			closeSync(descriptor);
		}
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Writes pieces to an open file, many small ones at once. */
export function writePieces(descriptor: number, pieces: Iterable<string>): void {
	let waiting = "";
	for (const piece of pieces) {
		waiting += piece;
		if (waiting.length < flushAt) continue;
		writeAll(descriptor, waiting);
		waiting = "";
	}
	writeAll(descriptor, waiting);
}

function writeAll(descriptor: number, text: string): void {
	const bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
