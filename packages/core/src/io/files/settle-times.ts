import { utimesSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "./file-error.ts";
import { type ListOptions, walkTree } from "./list-tree.ts";

/** The time that settled files bear: long past, so that any later change shows. */
const settledSeconds = Date.UTC(2020, 0, 1) / 1000;

/**
 * Gives all files below `root` that pass the filter one fixed time of last change. Git's index then tells copies of them from
 * changed files by that time alone, and no later change can fall into the same moment.
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
