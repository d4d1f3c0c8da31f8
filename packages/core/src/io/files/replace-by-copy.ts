import { chmodSync, constants, copyFileSync, renameSync, rmSync } from "node:fs";
import { fileError } from "./file-error.ts";
import { besideName } from "./staged-files.ts";

/** Replaces what is at `to` by a copy of the file `from`: atomically, and not through a link. */
export function replaceByCopy(from: string, to: string, mode: number): void {
	const staged = besideName(to);
	try {
		copyFileSync(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
		chmodSync(staged, mode);
		renameSync(staged, to);
	} catch (error) {
		rmSync(staged, { force: true });
		throw fileError(to, error);
	}
}
