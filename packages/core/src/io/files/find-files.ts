import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "./file-error.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface FindOptions {
	/** Directories that are looked into at most; default 20,000. */
	readonly maxDirectories?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface FoundFiles {
	/** Relative to the root, `/` between components, sorted. */
	readonly files: readonly string[];
	/** There are more directories than were looked into. */
	readonly cut: boolean;
}

/** How long is looked in one go before whatever else waits (a server's requests) gets its turn. */
const turnMs = 20;

/**
 * Files (and links) below `root` whose name `wanted` accepts, nearest directories first. Links are not followed, `.git`
 * and `node_modules` not entered, unreadable directories passed by. Bounded and patient: safe for a home directory.
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
		throwIfAborted(signal, "looking for files");
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
		// Gone since, or not ours to read: what can be seen is still worth a list.
		if (passedBy.includes(errnoCode(error) ?? "")) return [];
		throw error;
	}
}
