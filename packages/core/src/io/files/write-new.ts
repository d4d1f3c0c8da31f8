import { renameSync, writeFileSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Writes a file that must not exist yet; never through a link. @throws AgentvError */
export function writeNewFile(path: string, content: string | Uint8Array): void {
	try {
		writeFileSync(path, content, { flag: "wx" });
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Renames a file or directory within its file system. @throws AgentvError */
export function renamePath(from: string, to: string): void {
	try {
		renameSync(from, to);
	} catch (error) {
		throw fileError(from, error);
	}
}
