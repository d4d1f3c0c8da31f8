import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "./file-error.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface FindOptions {
	/** Maximum number of directories to search; default 20,000. */
	readonly maxDirectories?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface FoundFiles {
	/** Relative to the root, `/` between components, sorted. */
	readonly files: readonly string[];
	/** The limit of directories was reached. */
	readonly cut: boolean;
}

/** Milliseconds of searching before yielding to other work, such as a server's requests. */
const turnMs = 20;

/**
 * Finds files (and links) below `root` whose name `wanted` accepts, nearest directories first.
 * Doesn't follow links, enter `.git` or `node_modules`, or fail on unreadable directories. Bounded
 * and cooperative: safe for a home directory.
 * @throws AgentvError `interrupted`
 */
export async function findFiles(
	root: string,
	wanted: (name: string) => boolean,
	{ maxDirectories = 20_000, signal }: FindOptions = {},
): Promise<FoundFiles> {
	const files: string[] = [];
	const directories = [""];
	let turn = performance.now();
	let looked = 0;
	for (; looked < directories.length && looked < maxDirectories; looked++) {
		if (performance.now() - turn > turnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
		}
		throwIfAborted(signal, "searching files");
		const directory = directories[looked] as string;
		for (const entry of entriesOf(join(root, directory))) {
			const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
			if (entry.isDirectory()) {
				if (entry.name !== ".git" && entry.name !== "node_modules") directories.push(path);
			} else if (wanted(entry.name)) files.push(path);
		}
	}
	return { files: files.sort(), cut: looked < directories.length };
}

const passedBy = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG"];

function entriesOf(directory: string): Dirent[] {
	try {
		return readdirSync(directory, { withFileTypes: true });
	} catch (error) {
		// Removed meanwhile or not readable: list what is visible.
		if (passedBy.includes(errnoCode(error) ?? "")) return [];
		throw error;
	}
}
