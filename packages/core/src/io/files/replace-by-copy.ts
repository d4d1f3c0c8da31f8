import { chmodSync, constants, copyFileSync, renameSync, rmSync } from "node:fs";
import { fileError } from "./file-error.ts";
import { besideName } from "./staged-files.ts";

/** Puts a copy of the file `from` at `to`, in the place of what may be there: in one step, and not through a link. */
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
