import { dirname } from "node:path";
import { targetKind } from "./stat-path.ts";

/** The topmost directory that has to be made for `directory`; undefined where it is there. Who makes it removes it again after a failure. */
export function missingParent(directory: string): string | undefined {
	if (targetKind(directory) !== "missing") return undefined;
	return missingParent(dirname(directory)) ?? directory;
}
