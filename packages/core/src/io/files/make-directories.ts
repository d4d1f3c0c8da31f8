import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { errnoCode, fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";
import { targetKind } from "./stat-path.ts";

/**
 * Creates a directory and its parents one by one, because Node's recursive call never ends below
 * `/proc`. Returns whether it is new. `mode` applies to created directories.
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
		// A read-only file system reports this for existing directories, too.
		if (
			["EEXIST", "EROFS", "EACCES", "EPERM", "EISDIR"].includes(errnoCode(error) ?? "") &&
			targetKind(path) === "directory"
		)
			return false;
		throw error;
	}
}
