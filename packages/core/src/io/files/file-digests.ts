import { statSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { digestFile } from "./digest-tree.ts";
import { errnoCode } from "./file-error.ts";
import { largestHashed } from "./size-limits.ts";

/** Milliseconds within which a second write may leave a file's times as they are. */
const clockTick = 100;

interface KnownDigest {
	readonly mtimeMs: number;
	readonly ctimeMs: number;
	readonly size: number;
	readonly inode: number;
	/** Whether the file was written long enough before it was read for its times to show the next write. */
	readonly isSettled: boolean;
	readonly sha256: string;
}

/**
 * Digests of files for a process that lasts: a file is read again only when its times, size or inode show that it was written.
 *
 * @example
 * const digests = new FileDigests();
 * digests.of("/evals/check.mjs"); // hexadecimal SHA-256, "missing" or "unreadable <code>"
 */
export class FileDigests {
	readonly #known = new Map<string, KnownDigest>();

	/** Returns the SHA-256 of the file that `path` leads to; a word that no digest equals when it can't be read or is large. */
	of(path: string): string {
		const startedAt = Date.now();
		const stat = statOf(path);
		if (typeof stat === "string") return stat;
		const { mtimeMs, ctimeMs, size, ino: inode } = stat;
		// Such a file is known by what shows that it was written.
		if (size > largestHashed) return `large ${size} ${mtimeMs}`;
		const known = this.#known.get(path);
		if (
			known?.isSettled &&
			known.ctimeMs === ctimeMs &&
			known.mtimeMs === mtimeMs &&
			known.size === size &&
			known.inode === inode
		)
			return known.sha256;
		const sha256 = readDigest(path);
		// Programs set modification times as they like, but not when an inode changed.
		const isSettled = ctimeMs < startedAt - clockTick;
		this.#known.set(path, { mtimeMs, ctimeMs, size, inode, isSettled, sha256 });
		return sha256;
	}
}

function statOf(path: string) {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		if (!stat) return "missing";
		// Reading a pipe or a device may never end.
		return stat.isFile() ? stat : "unreadable";
	} catch (error) {
		const code = errnoCode(error);
		if (code === undefined) throw error;
		return code === "ENOTDIR" ? "missing" : `unreadable ${code}`;
	}
}

function readDigest(path: string): string {
	try {
		return digestFile(path);
	} catch (error) {
		if (error instanceof AgentvError) return error.code === "not-found" ? "missing" : `unreadable ${error.code}`;
		throw error;
	}
}
