import { lstatSync } from "node:fs";
import { join } from "node:path";
import { directoryEntries } from "./directory-entries.ts";
import { errnoCode } from "./file-error.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface TreeSize {
	/** Of all files, as their lengths. */
	readonly bytes: number;
	readonly files: number;
	/** There is more than could be looked at in time. */
	readonly cut: boolean;
}

/** How long is looked in one go before whatever else waits gets its turn. */
const turnMs = 20;

/**
 * What a file or a directory takes, links not followed; nothing there takes nothing. What may not be read is passed by.
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
		throwIfAborted(signal, "looking at sizes");
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
