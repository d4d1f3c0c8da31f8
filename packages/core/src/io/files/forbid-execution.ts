import { chmodSync, statSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Takes the permissions to execute a file from everyone. @throws AgentvError */
export function forbidExecution(path: string): void {
	try {
		chmodSync(path, statSync(path).mode & 0o666);
	} catch (error) {
		throw fileError(path, error);
	}
}
