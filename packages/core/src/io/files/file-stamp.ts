import { statSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";

/** Returns a text that changes whenever the file at `path` is written or replaced. */
export function fileStamp(path: string): string | undefined {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		return stat && `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
	} catch (error) {
		if (["ENOTDIR", "EACCES", "EPERM", "ELOOP"].includes(errnoCode(error) ?? "")) return undefined;
		throw fileError(path, error);
	}
}
