import {
	accessSync,
	chmodSync,
	constants,
	type Dirent,
	lstatSync,
	readdirSync,
	readlinkSync,
	realpathSync,
	type Stats,
	statfsSync,
	statSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { AgentvError, type ErrorCode } from "../lib/errors.ts";

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "does not exist",
	ENOTDIR: "is below something that is not a directory",
	EISDIR: "is a directory, not a file",
	EACCES: "is not accessible: permission denied",
	EPERM: "is not accessible: operation not permitted",
	ELOOP: "is a cycle of symbolic links",
	ENAMETOOLONG: "has a name that is too long",
	EEXIST: "already exists",
	ENOTEMPTY: "is not empty",
};

/** These errors say nothing about the operation, which can work later. */
const resources: Readonly<Record<string, { readonly reason: string; readonly hint: string }>> = {
	EROFS: {
		reason: "is on a read-only file system",
		hint: "Write to another directory, or mount the file system writable.",
	},
	ENOSPC: { reason: "could not be written: no space left", hint: "Free some disk space, then try again." },
	EDQUOT: {
		reason: "could not be written: the disk quota is exhausted",
		hint: "Free some disk space, then try again.",
	},
	EFBIG: {
		reason: "could not be written: the file exceeds the size limit",
		hint: "Raise the limit (`ulimit -f`), or write to a file system that allows larger files.",
	},
	EIO: { reason: "could not be used: the device failed", hint: "Check the system log for disk errors." },
	EMFILE: {
		reason: "could not be opened: too many open files",
		hint: "Raise the limit (`ulimit -n`), or use fewer workers.",
	},
	ENFILE: {
		reason: "could not be opened: too many open files on this machine",
		hint: "Close other programs, or use fewer workers.",
	},
	EAGAIN: {
		reason: "could not be used: too many processes or threads",
		hint: "Raise the limit (`ulimit -u`), or use fewer workers.",
	},
	ENOBUFS: {
		reason: "could not be used: the system has no buffer space left",
		hint: "Use fewer workers, or free memory.",
	},
	ENOLCK: { reason: "could not be used: the system has no locks left", hint: "Use fewer workers, then try again." },
	ENOMEM: { reason: "could not be used: not enough memory", hint: "Use fewer workers, or free memory." },
	ERR_WORKER_OUT_OF_MEMORY: {
		reason: "could not be used: not enough memory",
		hint: "Use fewer workers, or free memory.",
	},
	ERR_WORKER_INIT_FAILED: {
		reason: "could not be used: no thread could be started",
		hint: "Raise the limit (`ulimit -u`), or use fewer workers.",
	},
};

/** Returns whether a system error code means that the machine ran out of a resource. */
export function isResourceCode(code: string): boolean {
	return Object.hasOwn(resources, code);
}

/** Returns whether the machine, not the request, made an operation fail. */
export function isResourceError(error: unknown): boolean {
	return isResourceCode(errnoCode(error) ?? "");
}

/**
 * Returns the error for an exhausted machine; undefined for any other error.
 * @param what subject of the message: a path, a program
 */
export function resourceError(what: string, error: unknown): AgentvError | undefined {
	const isMemory = error instanceof RangeError && /out of memory|allocation failed/i.test(error.message);
	const code = isMemory ? "ENOMEM" : (errnoCode(error) ?? "");
	const known = Object.hasOwn(resources, code) ? resources[code] : undefined;
	if (!known) return undefined;
	return new AgentvError("not-runnable", `${what} ${known.reason} (${code})`, { hint: known.hint, cause: error });
}

/** Returns the code (`ENOENT`) of an error from Node's file system or process functions. */
export function errnoCode(error: unknown): string | undefined {
	const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
	return typeof code === "string" ? code : undefined;
}

/**
 * Returns an AgentvError for a file system error about `path`: `not-found` if it is missing,
 * `not-runnable` if the machine ran out of a resource, else `config`. An AgentvError is returned
 * unchanged.
 */
export function fileError(path: string, error: unknown): AgentvError {
	if (error instanceof AgentvError) return error;
	const outOf = resourceError(path, error);
	if (outOf) return outOf;
	const code = errnoCode(error);
	const kind: ErrorCode = code === "ENOENT" || code === "ENOTDIR" ? "not-found" : "config";
	const reason =
		(code && reasons[code]) ?? `could not be used: ${error instanceof Error ? error.message : String(error)}`;
	return new AgentvError(kind, `${path} ${reason}`, { cause: error });
}

export type PathKind = "file" | "directory" | "link" | "other" | "missing";

function kindOf(stat: Stats | undefined): PathKind {
	if (!stat) return "missing";
	if (stat.isFile()) return "file";
	if (stat.isDirectory()) return "directory";
	return stat.isSymbolicLink() ? "link" : "other";
}

function orMissing(path: string, look: () => Stats | undefined): PathKind {
	try {
		return kindOf(look());
	} catch (error) {
		// Below a file, with an invalid name, or in a cycle of links, nothing exists at that path.
		const code = errnoCode(error);
		if (code && ["ENOTDIR", "ENAMETOOLONG", "ELOOP", "EINVAL", "ERR_INVALID_ARG_VALUE"].includes(code))
			return "missing";
		if (code === "EACCES" || code === "EPERM") return "other";
		throw resourceError(path, error) ?? error;
	}
}

/** Returns the path's own kind: a link is a `link`. Inaccessible paths are `other`. */
export function pathKind(path: string): PathKind {
	return orMissing(path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** Follows links: a dangling one is `missing`, a file of `/proc` is `other`. */
export function targetKind(path: string): Exclude<PathKind, "link"> {
	let device = 0;
	const kind = orMissing(path, () => {
		const stat = statSync(path, { throwIfNoEntry: false });
		device = stat?.dev ?? 0;
		return stat;
	});
	return kind === "link" || (kind === "file" && isMadeByKernel(path, device)) ? "other" : kind;
}

/** Returns the size in bytes of the file that `path` resolves to; 0 if inaccessible. */
export function fileSize(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return 0;
	}
}

/** Returns the device of what `path` resolves to. @throws AgentvError */
export function pathDevice(path: string): number {
	try {
		return statSync(path).dev;
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Resolves every link; of a missing path, those of its deepest existing ancestor. */
export function realPath(path: string): string {
	try {
		return realpathSync.native(path);
	} catch (error) {
		const parent = dirname(path);
		const code = errnoCode(error);
		if ((code !== "ENOENT" && code !== "ENOTDIR") || parent === path) throw fileError(path, error);
		return join(realPath(parent), basename(path));
	}
}

export function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}

/** Returns the text of a symbolic link. @throws AgentvError if there is none */
export function readLink(path: string): string {
	try {
		return readlinkSync(path);
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Total bytes of files that are copied or hashed together: a template, a skill, a bundle. */
export const largestTree = 16 * 1024 ** 3;
/** Bytes of one file that is hashed without a break. */
export const largestHashed = 512 * 1024 ** 2;

export interface SizedFile {
	readonly path: string;
	/** Bytes, holes included: reading a hole takes as long as reading data. */
	readonly size: number;
}

/**
 * Checks sizes before anything is read: a sparse file takes no disk space, but can take years to
 * copy.
 * @param what subject of the message: `the template /t`
 * @throws AgentvError `refused`, with the largest file
 */
export function refuseTooLarge(what: string, files: Iterable<SizedFile>, most: number, hint?: string): void {
	let bytes = 0;
	let largest: SizedFile | undefined;
	for (const file of files) {
		bytes += file.size;
		if (file.size > (largest?.size ?? -1)) largest = file;
	}
	if (bytes <= most || !largest) return;
	throw new AgentvError(
		"refused",
		`${what} has ${bytes} bytes of files, more than the ${most} allowed; the largest is ${largest.path} with ${largest.size} bytes`,
		{ hint: hint ?? "Remove large files, or fetch them in a hook." },
	);
}

/**
 * @throws AgentvError `interrupted`, with what was interrupted (`copying`), once the signal is
 * aborted
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
	if (signal?.aborted) throw new AgentvError("interrupted", `${what} was interrupted`, { cause: signal.reason });
}

/** Returns a text that changes whenever the file at `path` is written or replaced. */
export function fileStamp(path: string): string | undefined {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		return stat && `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
	} catch (error) {
		if (["ENOTDIR", "EACCES", "EPERM", "ELOOP"].includes(errnoCode(error) ?? "")) return undefined;
		throw fileError(path, error);
	}
}

/** Magic numbers from Linux: proc, sysfs, cgroup, debugfs, tracefs, bpf, nsfs and others. */
const kernelFileSystems: ReadonlySet<number> = new Set([
	...[0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0xcafe4a11],
	...[0x19800202, 0x6165676c, 0x42494e4d, 0xf97cff8c, 0x6e736673],
]);
const known = new Map<number, boolean>();

/** Kernel files have no size, and reading one can block or never end. */
export function isMadeByKernel(path: string, device: number): boolean {
	let isKernel = known.get(device);
	if (isKernel === undefined) {
		isKernel = process.platform === "linux" && kernelFileSystems.has(statfsSync(systemPath(path)).type);
		// Meanwhile another file can be at the path: the result is not about this device.
		if (statSync(systemPath(path), { throwIfNoEntry: false })?.dev !== device) return isKernel;
		if (known.size > 1000) known.clear();
		known.set(device, isKernel);
	}
	return isKernel;
}

/**
 * Returns whether `child` is `parent` itself or below it. Pure string logic on absolute paths: no
 * file access; `..` and trailing separators are resolved, links are not.
 */
export function isInside(parent: string, child: string): boolean {
	// The common case; computing the relative path takes fifty times as long.
	if (child.startsWith(parent) && child[parent.length] === sep && !child.includes("..")) return true;
	const path = relative(parent, child);
	return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** Compares two paths by their UTF-8 bytes, as git and `LC_ALL=C sort` do. */
export function compareByBytes(left: string, right: string): number {
	if (left === right) return 0;
	// UTF-16 order differs from byte order only if surrogates meet characters above them.
	const odd = /[\ud800-\uffff]/;
	if (odd.test(left) && odd.test(right)) return Buffer.compare(Buffer.from(left), Buffer.from(right));
	return left < right ? -1 : 1;
}

/**
 * Non-UTF-8 names don't survive decoding. In our paths such a name is NUL, which no real name
 * contains, followed by its bytes, one character each.
 */
const mark = "\0";

/**
 * Returns the non-UTF-8 names in a directory, as encoded in our paths. @throws the system's error
 */
export function rawNames(directory: string): string[] {
	return readdirSync(systemPath(directory), { encoding: "buffer" }).map(rawText).filter(isRawPath);
}

/** Returns bytes as text that `rawBytes` converts back. */
function rawText(bytes: Buffer): string {
	const text = bytes.toString("utf8");
	return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? mark + bytes.toString("latin1") : text;
}

export function rawBytes(text: string): Buffer {
	return text.startsWith(mark) ? Buffer.from(text.slice(1), "latin1") : Buffer.from(text);
}

/** Returns the text of a link, which need not be UTF-8 either. @throws the system's error */
export function readRawLink(path: string): string {
	return rawText(readlinkSync(systemPath(path), { encoding: "buffer" }));
}

/** Returns our encoding of a path of these bytes. */
export function rawPath(path: Buffer): string {
	return path
		.toString("latin1")
		.split("/")
		.map((name) => rawText(Buffer.from(name, "latin1")))
		.join("/");
}

export function isRawPath(path: string): boolean {
	return path.includes(mark);
}

/** Returns the path for system calls. */
export function systemPath(path: string): string | Buffer {
	if (!isRawPath(path)) return path;
	const components = path.split("/").map(rawBytes);
	return Buffer.concat(components.flatMap((one, index) => (index === 0 ? [one] : [Buffer.from("/"), one])));
}

/** Returns the path as git shows it: quoted, with non-ASCII bytes in octal. */
export function quotedRawPath(path: string): string {
	const bytes = Buffer.from(systemPath(path));
	const shown = Array.from(bytes, (byte) =>
		byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
			? `\\${byte.toString(8).padStart(3, "0")}`
			: String.fromCharCode(byte),
	);
	return shown.join("");
}

/** Returns sorted entries with their own kinds; undefined if missing or unreadable. */
export function directoryEntries(directory: string): ReadonlyMap<string, Exclude<PathKind, "missing">> | undefined {
	try {
		const entries = readdirSync(directory, { withFileTypes: true });
		const isKernel = entries.length > 0 && isMadeByKernel(directory, statSync(directory).dev);
		return new Map(
			entries.sort((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => [entry.name, entryKind(entry, isKernel)]),
		);
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		if (isResourceError(error)) throw fileError(directory, error);
		return undefined;
	}
}

function entryKind(entry: Dirent, isKernel: boolean): Exclude<PathKind, "missing"> {
	if (entry.isFile()) return isKernel ? "other" : "file";
	if (entry.isDirectory()) return "directory";
	return entry.isSymbolicLink() ? "link" : "other";
}

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
