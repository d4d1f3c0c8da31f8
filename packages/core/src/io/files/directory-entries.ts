import { type Dirent, readdirSync, statSync } from "node:fs";
import { errnoCode, fileError, isResourceError } from "./file-error.ts";
import { isMadeByKernel } from "./kernel-files.ts";
import type { PathKind } from "./stat-path.ts";

/** Returns sorted entries with their own kinds; undefined if missing or unreadable. */
export function directoryEntries(directory: string): ReadonlyMap<string, Exclude<PathKind, "missing">> | undefined {
	try {
		const entries = readdirSync(directory, { withFileTypes: true });
		const isKernel = entries.length > 0 && isMadeByKernel(directory, statSync(directory).dev);
		return new Map(
			entries.sort((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => [entry.name, kindOf(entry, isKernel)]),
		);
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		if (isResourceError(error)) throw fileError(directory, error);
		return undefined;
	}
}

function kindOf(entry: Dirent, isKernel: boolean): Exclude<PathKind, "missing"> {
	if (entry.isFile()) return isKernel ? "other" : "file";
	if (entry.isDirectory()) return "directory";
	return entry.isSymbolicLink() ? "link" : "other";
}
