import { truncateSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Cuts a file off behind its first `bytes`. */
export function truncateFile(path: string, bytes: number): void {
	try {
		truncateSync(path, bytes);
	} catch (error) {
		throw fileError(path, error);
	}
}
