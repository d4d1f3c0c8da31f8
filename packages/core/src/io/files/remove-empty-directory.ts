import { rmdirSync } from "node:fs";
import { errnoCode } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/** Removes a directory if it is empty; returns whether it is gone. */
export function removeEmptyDirectory(path: string): boolean {
	try {
		rmdirSync(systemPath(path));
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return errnoCode(error) === "ENOENT";
	}
}
