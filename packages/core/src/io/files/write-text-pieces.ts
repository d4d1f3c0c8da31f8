import { closeSync, openSync, writeSync } from "node:fs";
import { fileError } from "./file-error.ts";

const atOnce = 256 * 1024;

/** Writes a new file in chunks, so that a large text is never in memory as a whole. */
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

/** Writes through one buffer; joined texts would be garbage of the file's size. */
export function writePieces(descriptor: number, pieces: Iterable<string>): void {
	const buffer = Buffer.allocUnsafe(atOnce);
	let filled = 0;
	for (const piece of pieces) {
		// No character takes more than three bytes per UTF-16 unit.
		const most = piece.length * 3;
		if (filled + most > atOnce) {
			writeAll(descriptor, buffer.subarray(0, filled));
			filled = 0;
		}
		if (most > atOnce) writeAll(descriptor, Buffer.from(piece));
		else filled += buffer.write(piece, filled);
	}
	writeAll(descriptor, buffer.subarray(0, filled));
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
