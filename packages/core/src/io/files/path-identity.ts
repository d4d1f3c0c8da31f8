import { lstatSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Tells what is at a path from anything else that is put in its place; undefined where nothing is, or nothing that may be looked at. */
export function pathIdentity(path: string): string | undefined {
	try {
		const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
		return stat && `${stat.dev}:${stat.ino}`;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}
