import { mkdirSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Makes a directory and its parents; one that exists is fine. `mode` holds for what is made. */
export function makeDirectory(path: string, options: { readonly mode?: number } = {}): void {
	try {
		mkdirSync(path, { recursive: true, ...options });
	} catch (error) {
		throw fileError(path, error);
	}
}
