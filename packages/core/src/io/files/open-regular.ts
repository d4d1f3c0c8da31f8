import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { isMadeByKernel } from "./kernel-files.ts";
import { systemPath } from "./raw-path.ts";

export interface OpenRegular {
	readonly descriptor: number;
	readonly stat: Stats;
}

export interface OpenOptions {
	/** Refuses a symbolic link in the file's place. Default: it is followed. */
	readonly noFollow?: boolean;
}

/** A pipe is opened without waiting for who writes to it, and a terminal does not become ours. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** For writing what other programs may have put something in place of: a pipe is not waited for, and a link is not followed. */
export const writeFlags =
	constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file for reading: the one door for every file that a user, an eval or another program names. Never waits, whatever is at
 * the path. The caller closes the descriptor.
 * @param path may be one of `raw-path`
 * @throws AgentvError `not-found` when missing; `config` for what is not a regular file (with `noFollow` also `not-found`),
 * or may not be read
 */
export function openRegular(path: string, { noFollow = false }: OpenOptions = {}): OpenRegular {
	let descriptor: number | undefined;
	try {
		descriptor = openSync(systemPath(path), noFollow ? flags | (constants.O_NOFOLLOW ?? 0) : flags);
		const stat = fstatSync(descriptor);
		if (stat.isDirectory()) throw new AgentvError("config", `${path} is a directory, not a file`);
		if (!stat.isFile() || isMadeByKernel(path, stat.dev)) throw notRegular(path, noFollow);
		return { descriptor, stat };
	} catch (error) {
		if (descriptor !== undefined) closeSync(descriptor);
		// A socket can't be opened at all, and a link not where none is followed.
		if (errnoCode(error) === "ENXIO" || (noFollow && errnoCode(error) === "ELOOP"))
			throw notRegular(path, noFollow, error);
		throw fileError(path, error);
	}
}

/** Calls `read` with an open file and closes it. @throws AgentvError */
export function withRegular<T>(path: string, read: (file: OpenRegular) => T, options: OpenOptions = {}): T {
	const file = openRegular(path, options);
	try {
		return read(file);
	} catch (error) {
		throw fileError(path, error);
	} finally {
		closeSync(file.descriptor);
	}
}

/** Reads up to `length` bytes from where the file is, fewer at its end only. */
export function readUpTo(descriptor: number, length: number): Buffer {
	const buffer = Buffer.allocUnsafe(length);
	let filled = 0;
	while (filled < length) {
		const read = readSync(descriptor, buffer, filled, length - filled, null);
		if (read === 0) break;
		filled += read;
	}
	return buffer.subarray(0, filled);
}

function notRegular(path: string, noFollow: boolean, cause?: unknown): AgentvError {
	// In a tree in which others work, the file that was there is gone.
	return new AgentvError(noFollow ? "not-found" : "config", `${path} is not a regular file`, {
		hint: "Name a file on disk, not a device, pipe, socket or a file of the kernel.",
		...(cause === undefined ? {} : { cause }),
	});
}
