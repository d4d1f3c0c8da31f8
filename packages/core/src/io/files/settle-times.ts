import { utimesSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "./file-error.ts";
import { type ListOptions, walkTree } from "./list-tree.ts";

/** The time of settled files: long past, so that any later change is visible. */
const settledSeconds = Date.UTC(2020, 0, 1) / 1000;

/**
 * Sets one fixed modification time on all files below `root` that pass the filter. Git's index then
 * detects changed copies by that time alone, and no later change can have the same time.
 */
export function settleTimes(root: string, filter: NonNullable<ListOptions["filter"]>): void {
	for (const { path, kind } of walkTree(root, { filter })) {
		if (kind !== "file") continue;
		try {
			utimesSync(join(root, path), settledSeconds, settledSeconds);
		} catch (error) {
			throw fileError(join(root, path), error);
		}
	}
}
