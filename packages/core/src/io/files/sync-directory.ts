import { closeSync, fsyncSync, openSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Does nothing if directories can't be opened (Windows, some network shares). */
export function syncDirectory(path: string): void {
	try {
		const descriptor = openSync(path, "r");
		try {
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
}
