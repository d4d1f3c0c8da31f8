import { closeSync, readSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";
import { openRegular } from "./open-regular.ts";

/** A line of a file without its line break. Valid until the next one is read. */
export interface FileLine {
	text(): string;
	/** Returns its first bytes; the last character can be broken. */
	head(mostBytes: number): string;
}

const atOnce = 256 * 1024;
const longestLine = 64 * 1024 * 1024;

/**
 * Yields the terminated lines of a text file; returns the rest after the last one. Needs memory for
 * the longest line. @throws AgentvError
 */
export function* readLines(path: string): Generator<FileLine, string> {
	const { descriptor } = openRegular(path);
	let buffer = Buffer.allocUnsafe(atOnce);
	let [start, end] = [0, 0];
	// Reuse one object: a line is read and dropped.
	const line: FileLine = {
		text: () => buffer.toString("utf8", start, end),
		head: (mostBytes) => buffer.toString("utf8", start, Math.min(end, start + mostBytes)),
	};
	/** Bytes used in the buffer: the start of a line, then newly read bytes. */
	let filled = 0;
	try {
		for (;;) {
			if (filled >= longestLine)
				throw new AgentvError("config", `${path} has a line of more than ${longestLine / 1024 / 1024} MB`);
			if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
			const length = read(descriptor, buffer.subarray(filled), path);
			if (length === 0) return buffer.toString("utf8", 0, filled);
			const searched = filled;
			filled += length;
			start = 0;
			for (end = newline(buffer, searched, filled); end !== -1; end = newline(buffer, start, filled)) {
				yield line;
				start = end + 1;
			}
			buffer.copyWithin(0, start, filled);
			filled -= start;
		}
	} finally {
		closeSync(descriptor);
	}
}

function newline(buffer: Buffer, from: number, filled: number): number {
	const found = buffer.indexOf(0x0a, from);
	return found < filled ? found : -1;
}

function read(descriptor: number, into: Buffer, path: string): number {
	try {
		return readSync(descriptor, into);
	} catch (error) {
		throw fileError(path, error);
	}
}
