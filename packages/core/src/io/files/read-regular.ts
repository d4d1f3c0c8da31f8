import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/** A pipe is opened without waiting for who writes to it, and a link not at all. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** Calls `read` with the descriptor of a regular file. @throws AgentvError, also for anything that is not a regular file any more */
function withRegular<T>(path: string, read: (descriptor: number) => T): T {
	let descriptor: number | undefined;
	try {
		descriptor = openSync(systemPath(path), flags);
		if (!fstatSync(descriptor).isFile()) throw new AgentvError("not-found", `${path} is not a regular file`);
		return read(descriptor);
	} catch (error) {
		if (["ELOOP", "ENXIO"].includes(errnoCode(error) ?? ""))
			throw new AgentvError("not-found", `${path} is not a regular file`, { cause: error });
		throw fileError(path, error);
	} finally {
		if (descriptor !== undefined) closeSync(descriptor);
	}
}

/**
 * Reads a file of a tree in which other programs work. Never follows a link and never waits, whatever has taken the file's place.
 * @param path may be one of `raw-path`
 */
export function readRegularFile(path: string): Buffer {
	return withRegular(path, (descriptor) => readFileSync(descriptor));
}

/** Reads the first `size` bytes of such a file piece by piece, fewer when it is shorter. A piece is valid until `take` is done. */
export async function readRegularChunks(
	path: string,
	size: number,
	take: (chunk: Buffer) => void | Promise<void>,
): Promise<void> {
	const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
	for (let at = 0; at < size; ) {
		const wanted = Math.min(buffer.length, size - at);
		// Opened for each piece: nothing is left open between them, and a file that was replaced is noticed by its digest.
		const length = withRegular(path, (descriptor) => readSync(descriptor, buffer, 0, wanted, at));
		if (length === 0) return;
		at += length;
		await take(buffer.subarray(0, length));
	}
}
