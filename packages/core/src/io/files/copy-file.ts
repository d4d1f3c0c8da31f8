import {
	closeSync,
	constants,
	createReadStream,
	createWriteStream,
	fchmodSync,
	futimesSync,
	openSync,
	readSync,
	writeSync,
} from "node:fs";
import { chmod, copyFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { errnoCode, fileError } from "./file-error.ts";
import type { TreeEntry } from "./list-tree.ts";
import { openRegular } from "./open-regular.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** Files up to this size are copied through one buffer, in half the time of a system copy. */
export const smallFileSize = 256 * 1024;

/** Returns a function that copies small files between two trees through one shared buffer. */
export function smallFileCopier(from: string, to: string, options: { readonly preserveTimes?: boolean | undefined }) {
	const buffer = Buffer.allocUnsafe(smallFileSize);
	const umask = process.umask();
	return (entry: TreeEntry): void => {
		const source = openRegular(join(from, entry.path), { noFollow: true }).descriptor;
		try {
			const goal = openOrSay(
				join(to, entry.path),
				constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
				entry.mode,
			);
			try {
				for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
					for (let at = 0; at < length; ) at += writeSync(goal, buffer, at, length - at);
					if (length < buffer.length && entry.size <= length) break;
				}
				if ((entry.mode & umask) !== 0) fchmodSync(goal, entry.mode);
				if (options.preserveTimes) futimesSync(goal, entry.mtimeMs / 1000, entry.mtimeMs / 1000);
			} finally {
				closeSync(goal);
			}
		} finally {
			closeSync(source);
		}
	};
}

function openOrSay(path: string, flags: number, mode: number): number {
	try {
		return openSync(path, flags, mode);
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Copies a large file, sharing its blocks if the file system can. */
export async function copyLargeFile(
	from: string,
	to: string,
	entry: TreeEntry,
	options: { readonly preserveTimes?: boolean | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const goal = join(to, entry.path);
	try {
		// The system's copy can't be aborted.
		if (entry.size > longestCopy) await copyInPieces(join(from, entry.path), goal, options.signal);
		else await copyFile(join(from, entry.path), goal, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
		await chmod(goal, entry.mode);
		if (options.preserveTimes) await utimes(goal, entry.mtimeMs / 1000, entry.mtimeMs / 1000);
	} catch (error) {
		throw fileError(goal, error);
	}
}

/** Bytes that the system copies in one call. */
const longestCopy = 256 * 1024 * 1024;

async function copyInPieces(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
	try {
		return await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
	} catch (error) {
		if (errnoCode(error) === "EEXIST") throw error;
	}
	const { descriptor } = openRegular(from, { noFollow: true });
	const source = createReadStream("", { fd: descriptor, start: 0, highWaterMark: 1024 * 1024 });
	try {
		await pipeline(source, createWriteStream(to, { flags: "wx" }), { signal });
	} catch (error) {
		throwIfAborted(signal, "copying");
		throw error;
	}
}
