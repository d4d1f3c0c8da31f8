import { dirname } from "node:path";
import { targetKind } from "./stat-path.ts";

/** Returns the topmost missing directory, which is what to remove after a failure. */
export function missingParent(directory: string): string | undefined {
	if (targetKind(directory) !== "missing") return undefined;
	return missingParent(dirname(directory)) ?? directory;
}
