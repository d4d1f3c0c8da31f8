import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError } from "./file-error.ts";
import { makeDirectories } from "./make-directories.ts";
import { removeTree } from "./remove-tree.ts";
import { uniqueTag } from "./staged-files.ts";

export function systemTempDir(): string {
	return tmpdir();
}

/**
 * Creates a new private directory below `parent`, which is created if needed, or in the system's
 * temporary directory under a name with its owner. Returns its real path.
 */
export function makeTempDir(prefix: string, parent?: string): string {
	const where = parent ?? systemTempDir();
	try {
		makeDirectories(where);
		if (parent === undefined) return makeOwnedDir(join(where, prefix));
		return realpathSync(mkdtempSync(join(where, prefix)));
	} catch (error) {
		throw fileError(where, error);
	}
}

/** Creates a private directory whose path begins with `prefix`. Returns its real path. */
export function makeOwnedDir(prefix: string): string {
	const path = `${prefix}${uniqueTag()}`;
	try {
		mkdirSync(path, { mode: 0o700 });
		return realpathSync(path);
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Runs `work` with a new directory, which is always removed afterwards. */
export async function withTempDir<T>(prefix: string, work: (path: string) => Promise<T>, parent?: string): Promise<T> {
	const path = makeTempDir(prefix, parent);
	try {
		return await work(path);
	} finally {
		await removeTree(path);
	}
}
