import { statfsSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoCode } from "./files/file-error.ts";

export interface FreeSpace {
	/** That we may still write. */
	readonly bytes: number;
	/** The same for all places of one disk. */
	readonly disk: number;
}

/** The room that is left where `path` is, or will be; undefined where the system does not tell. */
export async function freeSpace(path: string): Promise<FreeSpace | undefined> {
	try {
		const { bavail, bsize } = await statfs(path);
		return { bytes: bavail * bsize, disk: (await stat(path)).dev };
	} catch (error) {
		if (errnoCode(error) === "ENOENT" && dirname(path) !== path) return freeSpace(dirname(path));
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

/** Returns whether there is no room where `directory` is; false if the system does not say. */
export function isDiskFull(directory: string): boolean {
	try {
		const { bavail } = statfsSync(directory);
		return bavail < 2;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
