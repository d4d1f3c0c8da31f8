import { statSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { digestFile } from "./digest-tree.ts";
import { errnoCode } from "./file-error.ts";
import { largestHashed } from "./size-limits.ts";

/** Milliseconds within which a second write can leave a file's times unchanged. */
const clockTick = 100;

interface KnownDigest {
	readonly mtimeMs: number;
	readonly ctimeMs: number;
	readonly size: number;
	readonly inode: number;
	/** Whether the next write certainly changes the file's times. */
	readonly isSettled: boolean;
	readonly sha256: string;
}

/**
 * Caches digests of files in a long-running process: a file is read again only if its times, size
 * or inode changed.
 * @example
 * const digests = new FileDigests();
 * digests.of("/evals/check.mjs"); // hexadecimal SHA-256, "missing" or "unreadable <code>"
 */
export class FileDigests {
	readonly #known = new Map<string, KnownDigest>();

	/** Returns the SHA-256, or a word that never equals one if it is unreadable or large. */
	of(path: string): string {
		const startedAt = Date.now();
		const stat = statOf(path);
		if (typeof stat === "string") return stat;
		const { mtimeMs, ctimeMs, size, ino: inode } = stat;
		// A large file is identified by the metadata that each write changes.
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
		// Programs can set modification times, but not the time of an inode change.
		const isSettled = ctimeMs < startedAt - clockTick;
		this.#known.set(path, { mtimeMs, ctimeMs, size, inode, isSettled, sha256 });
		return sha256;
	}
}

function statOf(path: string) {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		if (!stat) return "missing";
		// Reading a pipe or device might never end.
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
