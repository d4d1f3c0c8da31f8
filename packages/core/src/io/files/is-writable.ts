import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { errnoCode } from "./file-error.ts";
import { targetKind } from "./stat-path.ts";

/** Returns whether the directory `path` is writable, or can be created. Changes nothing. */
export function isWritableDirectory(path: string): boolean {
	const kind = targetKind(path);
	const parent = dirname(path);
	if (kind === "missing") return parent !== path && isWritableDirectory(parent);
	if (kind !== "directory") return false;
	try {
		accessSync(path, constants.W_OK | constants.X_OK);
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
