import { dirname } from "node:path";
import { targetKind } from "./stat-path.ts";

/**
 * Returns the topmost directory that must be created for `directory`, which is also what to remove
 * after a failure; undefined if it exists.
 */
export function missingParent(directory: string): string | undefined {
	if (targetKind(directory) !== "missing") return undefined;
	return missingParent(dirname(directory)) ?? directory;
}
