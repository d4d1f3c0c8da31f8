import { utimesSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Makes a path as new as now. Nothing there, or nothing that we may touch, is fine: it is a sign, not a record. */
export function touch(path: string): void {
	const now = new Date();
	try {
		utimesSync(path, now, now);
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
}
