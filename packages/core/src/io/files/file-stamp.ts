import { statSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";

/** A text that changes when the file at `path` is written or replaced; undefined where there is none. */
export function fileStamp(path: string): string | undefined {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		return stat && `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
	} catch (error) {
		if (["ENOTDIR", "EACCES", "EPERM", "ELOOP"].includes(errnoCode(error) ?? "")) return undefined;
		throw fileError(path, error);
	}
}
