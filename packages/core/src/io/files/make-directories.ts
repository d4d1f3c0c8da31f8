import { mkdirSync } from "node:fs";
import { fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/** Makes a directory and those above it. Says whether it was not there before. */
export function makeDirectories(path: string): boolean {
	try {
		return mkdirSync(systemPath(path), { recursive: true }) !== undefined;
	} catch (error) {
		throw fileError(path, error);
	}
}
