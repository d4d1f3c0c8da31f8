import { chmodSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";
import { besideName } from "./staged-files.ts";

/**
 * Writes a file that can be lost in a power failure, but is never seen half-written: renamed into
 * place, not synced. Mode 0600.
 * @throws AgentvError
 */
export function writeNote(path: string, content: string): void {
	const staged = besideName(path);
	try {
		writeFileSync(staged, content, { mode: 0o600 });
		renameSync(staged, path);
	} catch (error) {
		rmSync(staged, { force: true });
		throw fileError(path, error);
	}
}

/** Removes a file; a missing one is fine. */
export function removeFile(path: string): void {
	removeAt(path, false);
}

/** Removes a file, or a directory with its contents. Links are not followed. */
export function clearPlace(path: string): void {
	removeAt(path, true);
}

function removeAt(path: string, recursive: boolean): void {
	try {
		rmSync(path, { force: true, recursive });
	} catch (error) {
		// Below a file there is nothing.
		if (errnoCode(error) === "ENOTDIR") return;
		throw fileError(path, error);
	}
}

/** Removes execute permission for everyone. @throws AgentvError */
export function forbidExecution(path: string): void {
	try {
		chmodSync(path, statSync(path).mode & 0o666);
	} catch (error) {
		throw fileError(path, error);
	}
}
