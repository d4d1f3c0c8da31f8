import { readdirSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";

/**
 * Returns the sorted entry names of a directory; empty if it does not exist. @throws AgentvError if
 * it is unreadable
 */
export function listDirectory(path: string): string[] {
	try {
		return readdirSync(path).sort();
	} catch (error) {
		if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
		throw fileError(path, error);
	}
}
