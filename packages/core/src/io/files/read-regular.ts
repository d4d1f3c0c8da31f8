import { readSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { readUpTo, withRegular } from "./open-regular.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** Larger files are not read whole. */
export const largestWhole = 512 * 1024 * 1024;

/**
 * Reads a file of a tree in which other programs work. Never follows a link and never waits, whatever has taken the file's place.
 * @param path may be one of `raw-path`
 */
export function readRegularFile(path: string): Buffer {
	return withRegular(
		path,
		({ descriptor, stat }) => {
			if (stat.size > largestWhole)
				throw new AgentvError("config", `${path} has ${stat.size} bytes, more than the ${largestWhole} allowed`);
			return readUpTo(descriptor, stat.size);
		},
		{ noFollow: true },
	);
}

/** Reads the first `size` bytes of such a file piece by piece, fewer when it is shorter. A piece is valid until `take` is done. */
export async function readRegularChunks(
	path: string,
	size: number,
	take: (chunk: Buffer) => void | Promise<void>,
	signal?: AbortSignal,
): Promise<void> {
	const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
	for (let at = 0; at < size; ) {
		const wanted = Math.min(buffer.length, size - at);
		// Opened for each piece: nothing is left open between them, and a file that was replaced is noticed by its digest.
		const length = withRegular(path, ({ descriptor }) => readSync(descriptor, buffer, 0, wanted, at), {
			noFollow: true,
		});
		if (length === 0) return;
		at += length;
		await take(buffer.subarray(0, length));
		// Other work, and what stops this, gets its turn.
		await new Promise((next) => setImmediate(next));
		throwIfAborted(signal, "reading");
	}
}
