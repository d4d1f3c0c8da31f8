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
	/** Rejects a symbolic link. Default: it is followed. */
	readonly noFollow?: boolean;
}

/** Doesn't wait for a pipe's writer, and a terminal does not become the controlling one. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Doesn't wait for a pipe or follow a link that another program put there. */
export const writeFlags =
	constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file for reading; every file that a user, an eval or another program names is opened
 * here. Never waits, whatever is at the path. The caller closes the descriptor.
 * @param path may be one of `raw-path`
 * @throws AgentvError `not-found` if missing; `config` if it is not a regular file (with `noFollow`
 * also `not-found`) or unreadable
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
		// A socket can't be opened at all, nor a link with `noFollow`.
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

/** Reads up to `length` bytes from the current position, fewer only at the end. */
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
	// In a tree that other programs change, the original file is gone.
	return new AgentvError(noFollow ? "not-found" : "config", `${path} is not a regular file`, {
		hint: "Use a file on disk, not a device, pipe, socket or kernel file.",
		...(cause === undefined ? {} : { cause }),
	});
}
