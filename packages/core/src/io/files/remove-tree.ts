import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { errnoCode, fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/**
 * Removes a file, link or directory with its contents, including read-only directories; a missing
 * path is fine. Links are not followed.
 * @param path may be one of `raw-path`
 * @throws AgentvError on a file error
 */
export async function removeTree(path: string): Promise<void> {
	const options = { recursive: true, force: true, maxRetries: 3 };
	const place = systemPath(path);
	try {
		await rm(place, options);
	} catch (error) {
		// Below a file there is nothing.
		if (errnoCode(error) === "ENOTDIR") return;
		if (!["EACCES", "EPERM", "ENOTEMPTY"].includes(errnoCode(error) ?? "")) throw fileError(path, error);
		try {
			makeWritable(Buffer.from(place));
			await rm(place, options);
		} catch (again) {
			throw fileError(path, again);
		}
	}
}

function makeWritable(path: Buffer): void {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (!stat?.isDirectory()) return;
	if ((stat.mode & 0o700) !== 0o700) chmodSync(path, stat.mode | 0o700);
	for (const name of readdirSync(path, { encoding: "buffer" })) makeWritable(Buffer.concat([path, slash, name]));
}

const slash = Buffer.from("/");
