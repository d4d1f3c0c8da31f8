import { readlinkSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** The text of a symbolic link. Throws `AgentvError` where there is none. */
export function readLink(path: string): string {
	try {
		return readlinkSync(path);
	} catch (error) {
		throw fileError(path, error);
	}
}
