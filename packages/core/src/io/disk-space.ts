import { statfsSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoCode } from "./files/file-error.ts";

export interface FreeSpace {
	/** Available to this user. */
	readonly bytes: number;
	/** Equal for all paths on one disk. */
	readonly disk: number;
}

/** Returns the free space at `path`, which may not exist yet; undefined if unknown. */
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

/** Returns whether the disk of `directory` is full; false if unknown. */
export function isDiskFull(directory: string): boolean {
	try {
		const { bavail } = statfsSync(directory);
		return bavail < 2;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
