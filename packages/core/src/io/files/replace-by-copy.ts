import { chmodSync, constants, copyFileSync, renameSync } from "node:fs";
import { fileError } from "./file-error.ts";

/** Puts a copy of the file `from` at `to`, in the place of what may be there: in one step, and not through a link. */
export function replaceByCopy(from: string, to: string, mode: number): void {
	const staged = `${to}.agentv-${process.pid}`;
	try {
		copyFileSync(from, staged, constants.COPYFILE_FICLONE);
		chmodSync(staged, mode);
		renameSync(staged, to);
	} catch (error) {
		throw fileError(to, error);
	}
}
