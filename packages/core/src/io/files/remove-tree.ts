import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoCode, fileError } from "./file-error.ts";

/**
 * Removes a file, link or directory with all it holds, read-only directories included; nothing there is fine. Links are not followed.
 * @throws AgentvError when the system refuses
 */
export async function removeTree(path: string): Promise<void> {
	const options = { recursive: true, force: true, maxRetries: 3 };
	try {
		await rm(path, options);
	} catch (error) {
		if (!["EACCES", "EPERM", "ENOTEMPTY"].includes(errnoCode(error) ?? "")) throw fileError(path, error);
		try {
			makeWritable(path);
			await rm(path, options);
		} catch (again) {
			throw fileError(path, again);
		}
	}
}

function makeWritable(path: string): void {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (!stat?.isDirectory()) return;
	if ((stat.mode & 0o700) !== 0o700) chmodSync(path, stat.mode | 0o700);
	for (const name of readdirSync(path)) makeWritable(join(path, name));
}
