import { isUtf8 } from "node:buffer";
import { chmodSync, closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { AgentvError } from "../lib/errors.ts";
import { atPath, errnoCode, fileError, ifPossible, isMadeByKernel, systemPath, yielding } from "./files.ts";

const largestRead = 64 * 1024 * 1024;

/** By default at most 64 MB. @throws AgentvError */
export function readBytes(path: string, options: OpenOptions = {}): Buffer {
	const read = ({ descriptor, stat }: OpenRegular) => readUpTo(descriptor, stat.size);
	return withRegular(path, read, { maxBytes: largestRead, ...options });
}

/** Keeps BOM and CRLF, so that offsets equal the file's. @throws AgentvError */
export function readTextFile(path: string, options: OpenOptions = {}): string {
	const bytes = readBytes(path, options);
	if (!isUtf8(bytes)) {
		throw new AgentvError("config", `${path} is not UTF-8 text`, { hint: "Save the file as UTF-8." });
	}
	return bytes.toString("utf8");
}

/** Larger files are not read whole. */
const largestWhole = 512 * 1024 * 1024;

/** Never follows a link and never waits, even if another program replaced the file. */
export function readRegularFile(path: string): Buffer {
	return readBytes(path, { noFollow: true, maxBytes: largestWhole });
}

/** Reads only the first `size` bytes. A chunk is valid until `take` resolves. */
export async function readRegularChunks(
	path: string,
	size: number,
	take: (chunk: Buffer) => void | Promise<void>,
	signal?: AbortSignal,
): Promise<void> {
	const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
	const nextTurn = yielding("reading", signal);
	for (let at = 0; at < size; ) {
		const wanted = Math.min(buffer.length, size - at);
		// Reopened for each chunk: nothing stays open in between, and a replaced file has another
		// digest.
		const length = withRegular(path, ({ descriptor }) => readSync(descriptor, buffer, 0, wanted, at), {
			noFollow: true,
		});
		if (length === 0) return;
		at += length;
		await take(buffer.subarray(0, length));
		await nextTurn();
	}
}

interface FileHead {
	/** UTF-8; a character at the limit is dropped. */
	readonly text: string;
	readonly cut: boolean;
	readonly size: number;
}

/** Returns undefined for a missing file. @throws AgentvError */
export function readHead(path: string, maxBytes: number, options: OpenOptions = {}): FileHead | undefined {
	const read = ({ descriptor, stat: { size } }: OpenRegular): FileHead => {
		const bytes = readUpTo(descriptor, Math.min(size, maxBytes));
		const cut = size > maxBytes;
		return { text: cut ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8"), cut, size };
	};
	try {
		return withRegular(path, read, options);
	} catch (error) {
		if (error instanceof AgentvError && error.code === "not-found") return undefined;
		throw error;
	}
}

interface OpenRegular {
	readonly descriptor: number;
	readonly stat: Stats;
}

interface OpenOptions {
	/** Rejects a symbolic link. Default: it is followed. */
	readonly noFollow?: boolean;
	readonly maxBytes?: number | undefined;
}

/** Doesn't wait for a pipe's writer, and a terminal does not become the controlling one. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Doesn't wait for a pipe or follow a link that another program put there. */
export const writeFlags =
	constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Every file that a user, an eval or another program names is opened here. Never waits for the
 * path.
 * The caller closes the descriptor.
 * @param path may be encoded by `rawPath`
 * @throws AgentvError `not-found` if missing; `config` if it is not a regular file (with `noFollow`
 * also `not-found`), unreadable or too large
 */
export function openRegular(path: string, { noFollow = false, maxBytes }: OpenOptions = {}): OpenRegular {
	let descriptor: number | undefined;
	try {
		descriptor = openSync(systemPath(path), noFollow ? flags | (constants.O_NOFOLLOW ?? 0) : flags);
		const stat = fstatSync(descriptor);
		if (stat.isDirectory()) throw new AgentvError("config", `${path} is a directory, not a file`);
		if (!stat.isFile() || isMadeByKernel(path, stat.dev)) throw notRegular(path, noFollow);
		if (maxBytes !== undefined && stat.size > maxBytes)
			throw new AgentvError("config", `${path} has ${stat.size} bytes, more than the ${maxBytes} allowed`);
		return { descriptor, stat };
	} catch (error) {
		if (descriptor !== undefined) closeSync(descriptor);
		// A socket can't be opened at all, nor a link with `noFollow`.
		if (errnoCode(error) === "ENXIO" || (noFollow && errnoCode(error) === "ELOOP"))
			throw notRegular(path, noFollow, error);
		throw fileError(path, error);
	}
}

export function withRegular<T>(path: string, read: (file: OpenRegular) => T, options: OpenOptions = {}): T {
	const file = openRegular(path, options);
	try {
		return atPath(path, () => read(file));
	} finally {
		closeSync(file.descriptor);
	}
}

export function readUpTo(descriptor: number, length: number): Buffer {
	return fillFrom(descriptor, Buffer.allocUnsafe(length));
}

export function fillFrom(descriptor: number, buffer: Buffer): Buffer {
	let filled = 0;
	while (filled < buffer.length) {
		const read = readSync(descriptor, buffer, filled, buffer.length - filled, null);
		if (read === 0) break;
		filled += read;
	}
	return buffer.subarray(0, filled);
}

function notRegular(path: string, noFollow: boolean, cause?: unknown): AgentvError {
	// In a tree that other programs change, the original file is gone.
	const hint = "Use a file on disk, not a device, pipe, socket or kernel file.";
	return new AgentvError(noFollow ? "not-found" : "config", `${path} is not a regular file`, { hint, cause });
}

/** Makes files and directories that even their owner can't read temporarily readable. */
export class Openings {
	readonly #modes: [path: string, mode: number][] = [];

	/** Leaves other users' files unchanged. */
	open(path: string, { kind, mode }: { readonly kind: string; readonly mode: number }): void {
		const needed = kind === "directory" ? 0o500 : kind === "file" ? 0o400 : 0;
		if ((mode & needed) === needed) return;
		if (changeMode(path, mode | needed)) this.#modes.push([path, mode]);
	}

	close(): void {
		for (const [path, mode] of this.#modes.reverse()) changeMode(path, mode);
		this.#modes.length = 0;
	}
}

function changeMode(path: string, mode: number): boolean {
	return ifPossible(() => {
		chmodSync(systemPath(path), mode);
		return true;
	}, false);
}

/** Excludes the line break. Valid until the next line is read. */
export interface FileLine {
	text(): string;
	/** The last character can be broken. */
	head(maxBytes: number): string;
}

const atOnce = 256 * 1024;
const maxLine = 64 * 1024 * 1024;

/**
 * Yields the terminated lines; returns the rest after the last one. Needs memory for the longest
 * line. @throws AgentvError
 */
export function* readLines(path: string): Generator<FileLine, string> {
	const { descriptor } = openRegular(path);
	let buffer = Buffer.allocUnsafe(atOnce);
	let [start, end] = [0, 0];
	// Reuse one object: a line is read and dropped.
	const line: FileLine = {
		text: () => buffer.toString("utf8", start, end),
		head: (maxBytes) => buffer.toString("utf8", start, Math.min(end, start + maxBytes)),
	};
	/** Bytes used in the buffer: the start of a line, then newly read bytes. */
	let filled = 0;
	try {
		for (;;) {
			if (filled >= maxLine)
				throw new AgentvError("config", `${path} has a line of more than ${maxLine / 1024 / 1024} MB`);
			if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
			const length = atPath(path, () => readSync(descriptor, buffer.subarray(filled)));
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
	const newline = buffer.indexOf(0x0a, from);
	return newline < filled ? newline : -1;
}

/** Yields 1 MB each without splitting characters. Doesn't follow a link. */
export function* readChunks(path: string): Generator<string> {
	const { descriptor } = openRegular(path, { noFollow: true });
	const decoder = new StringDecoder("utf8");
	const buffer = Buffer.allocUnsafe(1024 * 1024);
	const next = () => atPath(path, () => readSync(descriptor, buffer));
	try {
		for (let length = next(); length > 0; length = next()) yield decoder.write(buffer.subarray(0, length));
		const rest = decoder.end();
		if (rest !== "") yield rest;
	} finally {
		closeSync(descriptor);
	}
}

export interface FileStream {
	readonly size: number;
	readonly stream: ReadableStream<Uint8Array>;
}

/** `onEnd` is called when the stream is closed. @throws AgentvError */
export function streamFile(path: string, onEnd: () => void): FileStream {
	const { size, file } = readStream(path);
	file.once("close", onEnd);
	return { size, stream: Readable.toWeb(file) as ReadableStream<Uint8Array> };
}

/** The stream closes the file. @throws AgentvError */
export function readStream(path: string): { readonly size: number; readonly file: Readable } {
	const { descriptor, stat } = openRegular(path);
	return { size: stat.size, file: createReadStream("", { fd: descriptor, start: 0 }) };
}
