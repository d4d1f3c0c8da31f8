import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { mapPool } from "../../base/pool.ts";
import { runProcess } from "../run-process.ts";
import { fileError } from "./file-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/** From this many files on, syncing the whole file system is faster than syncing each of them. */
const manyFiles = 64;
const concurrency = 16;

/**
 * Makes files (absolute paths below `root`) and their names survive a power failure. Many files are
 * synced by the program `sync -f` if available, because Node has no call for that; few of them, or
 * without that program, one by one.
 * @throws AgentvError if one of them is not writable the disk
 */
export async function syncFiles(root: string, files: readonly string[]): Promise<void> {
	if (files.length >= manyFiles && (await syncFileSystem(root))) return;
	await mapPool(files, { concurrency }, async (path) => {
		try {
			const file = await open(path, "r");
			try {
				await file.sync();
			} finally {
				await file.close();
			}
		} catch (error) {
			throw fileError(path, error);
		}
	});
	for (const directory of new Set([root, ...files.map(dirname)])) syncDirectory(directory);
}

/** Data of other programs can be written to the disk first. */
const timeoutMs = 60_000;

async function syncFileSystem(root: string): Promise<boolean> {
	const program = ["/usr/bin/sync", "/bin/sync"].find((path) => existsSync(path));
	if (program === undefined || process.platform !== "linux") return false;
	const { exitCode } = await runProcess({ argv: [program, "-f", root], cwd: root, env: {}, timeoutMs });
	return exitCode === 0;
}
