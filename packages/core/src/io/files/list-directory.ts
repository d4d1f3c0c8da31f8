import { readdirSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";

/** Sorted entry names of a directory; empty where there is no such directory. Throws `AgentvError` where it cannot be read. */
export function listDirectory(path: string): string[] {
	try {
		return readdirSync(path).sort();
	} catch (error) {
		if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
		throw fileError(path, error);
	}
}
