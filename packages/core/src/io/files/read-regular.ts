import { readSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { readUpTo, withRegular } from "./open-regular.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** Larger files are not read whole. */
export const largestWhole = 512 * 1024 * 1024;

/**
 * Reads a file of a tree that other programs change. Never follows a link and never waits, whatever
 * has replaced the file.
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

/** Reads the first `size` bytes in chunks. A chunk is valid until `take` resolves. */
export async function readRegularChunks(
	path: string,
	size: number,
	take: (chunk: Buffer) => void | Promise<void>,
	signal?: AbortSignal,
): Promise<void> {
	const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
	for (let at = 0; at < size; ) {
		const wanted = Math.min(buffer.length, size - at);
		// Reopened for each chunk: nothing stays open in between, and a replaced file shows in its
		// digest.
		const length = withRegular(path, ({ descriptor }) => readSync(descriptor, buffer, 0, wanted, at), {
			noFollow: true,
		});
		if (length === 0) return;
		at += length;
		await take(buffer.subarray(0, length));
		// Yield to other work and to aborts.
		await new Promise((next) => setImmediate(next));
		throwIfAborted(signal, "reading");
	}
}
