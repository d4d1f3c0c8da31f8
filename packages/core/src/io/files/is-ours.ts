import { lstatSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Checks the path itself, not a link's target; true on systems without users. */
export function isOurs(path: string): boolean {
	try {
		const user = process.getuid?.();
		return user === undefined || lstatSync(path).uid === user;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
