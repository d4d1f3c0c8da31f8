import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError } from "./file-error.ts";
import { removeTree } from "./remove-tree.ts";

/** Makes a new directory, readable only by us, below `parent` (made if need be; default: the system's). Its real path. */
export function makeTempDir(prefix: string, parent = tmpdir()): string {
	try {
		mkdirSync(parent, { recursive: true });
		return realpathSync(mkdtempSync(join(parent, prefix)));
	} catch (error) {
		throw fileError(parent, error);
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
