import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError } from "./file-error.ts";
import { makeDirectories } from "./make-directories.ts";
import { writeOwnerNote } from "./owner-note.ts";
import { removeTree } from "./remove-tree.ts";

/** The system's directory for temporary files. */
export function systemTempDir(): string {
	return tmpdir();
}

/**
 * Makes a new directory, readable only by us, below `parent` (made if need be; default: the system's). Its real path. In the system's it
 * says whose it is, so that what a killed process leaves there can be told from what is in use.
 */
export function makeTempDir(prefix: string, parent?: string): string {
	const where = parent ?? systemTempDir();
	try {
		makeDirectories(where);
		const path = realpathSync(mkdtempSync(join(where, prefix)));
		if (parent === undefined) writeOwnerNote(path);
		return path;
	} catch (error) {
		throw fileError(where, error);
	}
}

/** Runs `work` with a new directory, which is removed afterwards, come what may. */
export async function withTempDir<T>(prefix: string, work: (path: string) => Promise<T>, parent?: string): Promise<T> {
	const path = makeTempDir(prefix, parent);
	try {
		return await work(path);
	} finally {
		await removeTree(path);
	}
}
