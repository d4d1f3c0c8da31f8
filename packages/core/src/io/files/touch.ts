import { utimesSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Updates the modification time. Best effort: errors are ignored. */
export function touch(path: string): void {
	const now = new Date();
	try {
		utimesSync(path, now, now);
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
}
