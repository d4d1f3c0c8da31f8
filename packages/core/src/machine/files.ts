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
import { setImmediate as nextTurn } from "node:timers/promises";
import { AgentvError, type ErrorCode } from "../lib/errors.ts";
import { lookUp } from "../lib/interpolate.ts";

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

const fewerWorkers = "Use fewer workers, or free memory.";
const moreFiles = "Raise the limit (`ulimit -n`), or use fewer workers.";
const moreThreads = "Raise the limit (`ulimit -u`), or use fewer workers.";
const moreSpace = "Free some disk space, then try again.";
const largerFiles = "Raise the limit (`ulimit -f`), or write to a file system that allows larger files.";

/** These errors say nothing about the operation itself, which can succeed later. */
const resources: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
	EROFS: ["is on a read-only file system", "Write to another directory, or mount the file system writable."],
	ENOSPC: ["could not be written: no space left", moreSpace],
	EDQUOT: ["could not be written: the disk quota is exhausted", moreSpace],
	EFBIG: ["could not be written: the file exceeds the size limit", largerFiles],
	EIO: ["could not be used: the device failed", "Check the system log for disk errors."],
	EMFILE: ["could not be opened: too many open files", moreFiles],
	ENFILE: ["could not be opened: too many open files on this machine", "Close other programs, or use fewer workers."],
	EAGAIN: ["could not be used: too many processes or threads", moreThreads],
	ENOBUFS: ["could not be used: the system has no buffer space left", fewerWorkers],
	ENOLCK: ["could not be used: the system has no locks left", "Use fewer workers, then try again."],
	ENOMEM: ["could not be used: not enough memory", fewerWorkers],
	ERR_WORKER_OUT_OF_MEMORY: ["could not be used: not enough memory", fewerWorkers],
	ERR_WORKER_INIT_FAILED: ["could not be used: no thread could be started", moreThreads],
};

export function isResourceCode(code: string): boolean {
	return Object.hasOwn(resources, code);
}

/** Returns undefined unless the machine is exhausted. @param what subject: a path, a program */
export function resourceError(what: string, error: unknown): AgentvError | undefined {
	const isMemory = error instanceof RangeError && /out of memory|allocation failed/i.test(error.message);
	const code = isMemory ? "ENOMEM" : (errnoCode(error) ?? "");
	const [reason, hint] = lookUp(resources, code) ?? [];
	if (reason === undefined) return undefined;
	return new AgentvError("not-runnable", `${what} ${reason} (${code})`, { hint, cause: error });
}

export function errnoCode(error: unknown): string | undefined {
	const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
	return typeof code === "string" ? code : undefined;
}

/**
 * Returns `not-found` if the path is missing, `not-runnable` if the machine ran out of a resource,
 * else `config`; an AgentvError unchanged.
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

/** @throws AgentvError as `fileError` */
export function atPath<T>(path: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		throw fileError(path, error);
	}
}

export function ifPossible<T>(work: () => T): T | undefined;
export function ifPossible<T>(work: () => T, otherwise: T): T;
export function ifPossible<T>(work: () => T, otherwise?: T): T | undefined {
	try {
		return work();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return otherwise;
	}
}

export type PathKind = "file" | "directory" | "link" | "other" | "missing";

export function kindOf(stat: Stats | Dirent): Exclude<PathKind, "missing"> {
	if (stat.isFile()) return "file";
	if (stat.isDirectory()) return "directory";
	return stat.isSymbolicLink() ? "link" : "other";
}

function orMissing(path: string, look: () => Stats | undefined): PathKind {
	try {
		const stat = look();
		return stat ? kindOf(stat) : "missing";
	} catch (error) {
		// Below a file, with an invalid name, or in a cycle of links, nothing exists at that path.
		const code = errnoCode(error);
		if (code && ["ENOTDIR", "ENAMETOOLONG", "ELOOP", "EINVAL", "ERR_INVALID_ARG_VALUE"].includes(code))
			return "missing";
		if (code === "EACCES" || code === "EPERM") return "other";
		throw resourceError(path, error) ?? error;
	}
}

/** A link is a `link`; an inaccessible path is `other`. */
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

/** Follows links; 0 if inaccessible. */
export function fileSize(path: string): number {
	return ifPossible(() => statSync(path, { throwIfNoEntry: false })?.size ?? 0, 0);
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
	return ifPossible(() => {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	}, false);
}

/** @throws AgentvError if there is no link */
export function readLink(path: string): string {
	return atPath(path, () => readlinkSync(path));
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
 * A sparse file takes no disk space, but can take years to copy.
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

/** @throws AgentvError `interrupted`. @param what `copying`, for example */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
	if (signal?.aborted) throw new AgentvError("interrupted", `${what} was interrupted`, { cause: signal.reason });
}

/** Milliseconds of work before yielding to other work, such as a server's requests. */
const turnMs = 20;

/** Await the returned function in long loops. @throws as `throwIfAborted` */
export function yielding(what: string, signal?: AbortSignal): () => Promise<void> {
	let turn = performance.now();
	return async () => {
		throwIfAborted(signal, what);
		if (performance.now() - turn < turnMs) return;
		await nextTurn();
		turn = performance.now();
		throwIfAborted(signal, what);
	};
}

/** Changes whenever the file at `path` is written or replaced. */
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

/** Accepts `parent` itself. Works on absolute paths without file access; links are not resolved. */
export function isInside(parent: string, child: string): boolean {
	// The common case; computing the relative path takes fifty times as long.
	if (child.startsWith(parent) && child[parent.length] === sep && !child.includes("..")) return true;
	const path = relative(parent, child);
	return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** Compares UTF-8 bytes, as git and `LC_ALL=C sort` do. */
export function compareByBytes(left: string, right: string): number {
	if (left === right) return 0;
	// UTF-16 order differs from byte order only if surrogates meet characters above them.
	const odd = /[\ud800-\uffff]/;
	if (odd.test(left) && odd.test(right)) return Buffer.compare(Buffer.from(left), Buffer.from(right));
	return left < right ? -1 : 1;
}

/**
 * Non-UTF-8 names don't survive decoding. In AgentV's paths such a name is NUL, which no real name
 * contains, followed by its bytes, one character each.
 */
const mark = "\0";

/** Returns only the non-UTF-8 names, encoded. @throws the system's error */
export function rawNames(directory: string): string[] {
	return readdirSync(systemPath(directory), { encoding: "buffer" }).map(rawText).filter(isRawPath);
}

function rawText(bytes: Buffer): string {
	const text = bytes.toString("utf8");
	return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? mark + bytes.toString("latin1") : text;
}

export function rawBytes(text: string): Buffer {
	return text.startsWith(mark) ? Buffer.from(text.slice(1), "latin1") : Buffer.from(text);
}

/** The text of a link need not be UTF-8 either. @throws the system's error */
export function readRawLink(path: string): string {
	return rawText(readlinkSync(systemPath(path), { encoding: "buffer" }));
}

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

export function systemPath(path: string): string | Buffer {
	if (!isRawPath(path)) return path;
	const components = path.split("/").map(rawBytes);
	return Buffer.concat(
		components.flatMap((component, index) => (index === 0 ? [component] : [Buffer.from("/"), component])),
	);
}

/** Quotes like git, with non-ASCII bytes in octal. */
export function quotedRawPath(path: string): string {
	const bytes = Buffer.from(systemPath(path));
	const shown = Array.from(bytes, (byte) =>
		byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
			? `\\${byte.toString(8).padStart(3, "0")}`
			: String.fromCharCode(byte),
	);
	return shown.join("");
}

/** Sorted, with the entries' own kinds; undefined if missing or unreadable. */
export function directoryEntries(directory: string): ReadonlyMap<string, Exclude<PathKind, "missing">> | undefined {
	try {
		const entries = readdirSync(directory, { withFileTypes: true });
		const isKernel = entries.length > 0 && isMadeByKernel(directory, statSync(directory).dev);
		return new Map(
			entries
				.sort((a, b) => (a.name < b.name ? -1 : 1))
				.map((entry) => [entry.name, isKernel && entry.isFile() ? "other" : kindOf(entry)]),
		);
	} catch (error) {
		const outOf = resourceError(directory, error);
		if (outOf || errnoCode(error) === undefined) throw outOf ?? error;
		return undefined;
	}
}

/** Removes read-only directories, too; never follows links. @throws AgentvError on a file error */
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
