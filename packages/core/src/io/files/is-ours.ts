import { lstatSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Whether the path itself (a link, were it one) belongs to the user who runs us; where there are no users, everything does. */
export function isOurs(path: string): boolean {
	try {
		const user = process.getuid?.();
		return user === undefined || lstatSync(path).uid === user;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
