import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { errnoCode, fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";
import { targetKind } from "./stat-path.ts";

/**
 * Makes a directory and those above it, one after the other: Node's own way never ends below `/proc`. Returns whether it was not there
 * before. `mode` holds for what is made.
 * @throws AgentvError
 */
export function makeDirectories(path: string, mode?: number): boolean {
	try {
		return make(path, mode);
	} catch (error) {
		throw fileError(path, error);
	}
}

function make(path: string, mode: number | undefined): boolean {
	try {
		return makeOne(path, mode);
	} catch (error) {
		const parent = dirname(path);
		if (errnoCode(error) !== "ENOENT" || parent === path) throw error;
		make(parent, mode);
		return makeOne(path, mode);
	}
}

function makeOne(path: string, mode: number | undefined): boolean {
	try {
		mkdirSync(systemPath(path), mode === undefined ? {} : { mode });
		return true;
	} catch (error) {
		// On a read-only file system, the system says so of directories that are there, too.
		if (
			["EEXIST", "EROFS", "EACCES", "EPERM", "EISDIR"].includes(errnoCode(error) ?? "") &&
			targetKind(path) === "directory"
		)
			return false;
		throw error;
	}
}
