import {
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	realpathSync,
	rmdirSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { errnoCode, fileError, pathKind, removeTree, systemPath, targetKind } from "./files.ts";
import { uniqueTag } from "./staged-files.ts";

/**
 * Returns the sorted entry names of a directory; empty if it does not exist. @throws AgentvError if
 * it is unreadable
 */
export function listDirectory(path: string): string[] {
	try {
		return readdirSync(path).sort();
	} catch (error) {
		if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
		throw fileError(path, error);
	}
}

/**
 * Creates a directory and its parents; an existing one is fine. `mode` applies to created
 * directories.
 * @throws AgentvError `config`, `not-found`
 */
export function makeDirectory(path: string, options: { readonly mode?: number } = {}): void {
	try {
		makeDirectories(path, options.mode);
	} catch (error) {
		const other = standingInTheWay(path);
		if (other !== undefined) throw new AgentvError("config", `${other} is not a directory`, { cause: error });
		throw fileError(path, error);
	}
}

function standingInTheWay(path: string): string | undefined {
	for (let at = path; ; at = dirname(at)) {
		if (pathKind(at) !== "missing") return targetKind(at) === "directory" ? undefined : at;
		if (dirname(at) === at) return undefined;
	}
}

/**
 * Creates a directory and its parents one by one, because Node's recursive call never ends below
 * `/proc`. Returns whether it is new. `mode` applies to created directories.
 * @throws AgentvError
 */
export function makeDirectories(path: string, mode?: number): boolean {
	try {
		return make(path, mode);
	} catch (error) {
		throw fileError(path, error);
	}
}

function make(path: string, mode: number | undefined): boolean {
	try {
		return makeOne(path, mode);
	} catch (error) {
		const parent = dirname(path);
		if (errnoCode(error) !== "ENOENT" || parent === path) throw error;
		make(parent, mode);
		return makeOne(path, mode);
	}
}

function makeOne(path: string, mode: number | undefined): boolean {
	try {
		mkdirSync(systemPath(path), mode === undefined ? {} : { mode });
		return true;
	} catch (error) {
		// A read-only file system reports this for existing directories, too.
		if (
			["EEXIST", "EROFS", "EACCES", "EPERM", "EISDIR"].includes(errnoCode(error) ?? "") &&
			targetKind(path) === "directory"
		)
			return false;
		throw error;
	}
}

/** Keeps a directory open, so that no other one can get its inode. */
export class HeldDirectory {
	#descriptor: number | undefined;
	readonly #identity: string | undefined;

	/** Opens what is at `path`, if anything. Call `release` at the end. */
	constructor(path: string) {
		try {
			const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
			this.#descriptor = openSync(path, flags);
			const { dev, ino } = fstatSync(this.#descriptor, { bigint: true });
			this.#identity = `${dev}:${ino}`;
		} catch (error) {
			if (errnoCode(error) === undefined) throw error;
			this.#identity = identityOf(path);
		}
	}

	/** Returns whether the path still refers to this directory. */
	isAt(path: string): boolean {
		return identityOf(path) === this.#identity;
	}

	release(): void {
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
	}
}

function identityOf(path: string): string | undefined {
	try {
		const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
		return stat && `${stat.dev}:${stat.ino}`;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

/** Removes a directory if it is empty; returns whether it is gone. */
export function removeEmptyDirectory(path: string): boolean {
	try {
		rmdirSync(systemPath(path));
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return errnoCode(error) === "ENOENT";
	}
}

export function systemTempDir(): string {
	return tmpdir();
}

/**
 * Creates a new private directory below `parent`, which is created if needed, or in the system's
 * temporary directory under a name with its owner. Returns its real path.
 */
export function makeTempDir(prefix: string, parent?: string): string {
	const where = parent ?? systemTempDir();
	try {
		makeDirectories(where);
		if (parent === undefined) return makeOwnedDir(join(where, prefix));
		return realpathSync(mkdtempSync(join(where, prefix)));
	} catch (error) {
		throw fileError(where, error);
	}
}

/** Creates a private directory whose path begins with `prefix`. Returns its real path. */
export function makeOwnedDir(prefix: string): string {
	const path = `${prefix}${uniqueTag()}`;
	try {
		mkdirSync(path, { mode: 0o700 });
		return realpathSync(path);
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Runs `work` with a new directory, which is always removed afterwards. */
export async function withTempDir<T>(prefix: string, work: (path: string) => Promise<T>, parent?: string): Promise<T> {
	const path = makeTempDir(prefix, parent);
	try {
		return await work(path);
	} finally {
		await removeTree(path);
	}
}

/** A temporary directory that is created only when needed. */
export interface Scratch {
	/** Absolute; may not exist yet. */
	readonly path: string;
	/** Creates it if missing and returns its path. */
	make(): string;
}
