import { lstatSync } from "node:fs";
import { join } from "node:path";
import { directoryEntries } from "./directory-entries.ts";
import { errnoCode } from "./file-error.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface TreeSize {
	/** Sum of all file sizes. */
	readonly bytes: number;
	readonly files: number;
	/** The time limit was reached. */
	readonly cut: boolean;
}

/** Milliseconds of work before yielding. */
const turnMs = 20;

/**
 * Returns the size of a file or directory, links not followed; 0 if missing. Unreadable entries are
 * skipped.
 * @throws AgentvError `interrupted`
 */
export async function treeSize(
	root: string,
	{ timeMs = Number.POSITIVE_INFINITY, signal }: { timeMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<TreeSize> {
	const until = performance.now() + timeMs;
	let turn = performance.now();
	let bytes = 0;
	let files = 0;
	const waiting = [root];
	for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
		if (performance.now() - turn > turnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
			if (turn > until) return { bytes, files, cut: true };
		}
		throwIfAborted(signal, "measuring sizes");
		const size = look(path);
		if (size === undefined) continue;
		if (size === "directory")
			waiting.push(...[...(directoryEntries(path)?.keys() ?? [])].map((name) => join(path, name)));
		else {
			bytes += size;
			files += 1;
		}
	}
	return { bytes, files, cut: false };
}

function look(path: string): number | "directory" | undefined {
	try {
		const stat = lstatSync(path, { throwIfNoEntry: false });
		return stat?.isDirectory() ? "directory" : stat?.size;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}
