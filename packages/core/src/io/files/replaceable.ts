import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoCode } from "./file-error.ts";

/** Returns whether the parent is writable and the path is not a visible mount point. */
export function canReplaceDirectory(path: string): boolean {
	const own = statSync(path, { throwIfNoEntry: false });
	const parent = dirname(path);
	if (own && own.dev !== statSync(parent).dev) return false;
	try {
		accessSync(parent, constants.W_OK | constants.X_OK);
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
