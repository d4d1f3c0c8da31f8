import { readlinkSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Returns the text of a symbolic link. @throws AgentvError if there is none */
export function readLink(path: string): string {
	try {
		return readlinkSync(path);
	} catch (error) {
		throw fileError(path, error);
	}
}
