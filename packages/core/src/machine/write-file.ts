import {
	accessSync,
	chmodSync,
	closeSync,
	constants,
	copyFileSync,
	existsSync,
	fchmodSync,
	fstatSync,
	fsyncSync,
	lstatSync,
	mkdirSync,
	openSync,
	readlinkSync,
	renameSync,
	rmdirSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import { besideName } from "./directories.ts";
import { atPath, errnoCode, fileError, ifPossible, pathKind, realPath, targetKind } from "./files.ts";
import { type ListOptions, walkTree } from "./find-files.ts";
import { writeFlags } from "./read-file.ts";
import { runProcess } from "./run-process.ts";

/** A long text in chunks is never in memory as a whole. */
type FileContent = string | Uint8Array | Iterable<string>;

interface WriteOptions {
	/** For a new file; an existing one keeps its own. Default 0o644 less the umask. */
	readonly mode?: number | undefined;
	/** Replaces a link, pipe or device that another program put at the path. */
	readonly noFollow?: boolean;
}

function writeTarget(path: string): string {
	let target = resolve(path);
	for (let hops = 0; hops < 40 && pathKind(target) === "link"; hops++) {
		target = resolve(realPath(dirname(target)), readlinkSync(target));
	}
	return join(realPath(dirname(target)), basename(target));
}

/** Writes a new, synced file next to `target`; the caller renames or removes it. */
function stageBeside(target: string, content: FileContent, options: WriteOptions = {}): string {
	const staged = besideName(target);
	const existing = pathKind(target) === "file" ? statSync(target) : undefined;
	const mode = existing ? existing.mode & 0o7777 : options.mode;
	const descriptor = openSync(staged, "wx", mode ?? 0o666);
	try {
		if (mode !== undefined) fchmodSync(descriptor, mode);
		writeContent(descriptor, content);
		fsyncSync(descriptor);
	} catch (error) {
		rmSync(staged, { force: true });
		throw error;
	} finally {
		closeSync(descriptor);
	}
	return staged;
}

/**
 * Writes a file next to `path`, syncs it and renames it: readers see the old or the new content,
 * never
 * a part. Writing to a symbolic link changes the file that it points to and keeps the link, unless
 * `noFollow`. Only regular files are replaced. The directory must exist.
 * @throws AgentvError `not-found` or `config` with the path; the old content is then untouched
 */
export function writeAtomic(path: string, content: string | Uint8Array, options: WriteOptions = {}): void {
	let staged: string | undefined;
	try {
		const target = options.noFollow ? resolve(path) : writeTarget(path);
		const kind = pathKind(target);
		// For example a device that a link at the path points to.
		if (kind === "other" && !options.noFollow) throw new AgentvError("config", `${path} is not a regular file`);
		// Renaming only checks the directory, but a file that was made read-only must stay
		// unchanged.
		if (kind === "file" || kind === "directory") accessSync(target, constants.W_OK);
		staged = stageBeside(target, content, options);
		renameSync(staged, target);
		syncDirectory(dirname(target));
	} catch (error) {
		if (staged) rmSync(staged, { force: true });
		throw fileError(path, error);
	}
}

/** The file must not exist yet; never writes through a link. @throws AgentvError */
export function writeNewFile(path: string, content: FileContent): void {
	atPath(path, () => {
		const descriptor = openSync(path, "wx");
		try {
			writeContent(descriptor, content);
		} finally {
			closeSync(descriptor);
		}
	});
}

/** `write` creates the new file next to `path`. @throws AgentvError */
function replaceFile(path: string, write: (staged: string) => void): void {
	const staged = besideName(path);
	try {
		write(staged);
		renameSync(staged, path);
	} catch (error) {
		rmSync(staged, { force: true });
		throw fileError(path, error);
	}
}

/** Only within one file system. @throws AgentvError */
export function renamePath(from: string, to: string): void {
	atPath(from, () => renameSync(from, to));
}

/** The file (mode 0600) is never seen half-written, but not synced. @throws AgentvError */
export function writeNote(path: string, content: string): void {
	replaceFile(path, (staged) => writeFileSync(staged, content, { mode: 0o600 }));
}

/** Removes a directory only if `recursive`; a missing path is fine. Links are not followed. */
export function removeFile(path: string, { recursive = false } = {}): void {
	try {
		rmSync(path, { force: true, recursive });
	} catch (error) {
		// Below a file there is nothing.
		if (errnoCode(error) === "ENOTDIR") return;
		throw fileError(path, error);
	}
}

export function forbidExecution(path: string): void {
	atPath(path, () => chmodSync(path, statSync(path).mode & 0o666));
}

const atOnce = 256 * 1024;

/** Uses one buffer; joined texts would be garbage of the file's size. */
function writeContent(descriptor: number, content: FileContent): void {
	if (typeof content === "string" || content instanceof Uint8Array) {
		writeFileSync(descriptor, content);
		return;
	}
	const buffer = Buffer.allocUnsafe(atOnce);
	let filled = 0;
	for (const piece of content) {
		// No character takes more than three bytes per UTF-16 unit.
		const most = piece.length * 3;
		if (filled + most > atOnce) {
			writeFileSync(descriptor, buffer.subarray(0, filled));
			filled = 0;
		}
		if (most > atOnce) writeFileSync(descriptor, piece);
		else filled += buffer.write(piece, filled);
	}
	writeFileSync(descriptor, buffer.subarray(0, filled));
}

/** `null` removes the file. */
interface FileChange extends WriteOptions {
	readonly path: string;
	readonly content: FileContent | null;
}

interface Step {
	readonly path: string;
	readonly target: string;
	/** Synced next to the target; undefined for a removal. */
	staged?: string;
	/** Next to the target; undefined if there was no old content. */
	backup?: string;
	applied?: boolean;
}

/**
 * Stages everything, then renames it into place; failures are rolled back. Missing directories are
 * created. Links are written through; a removed link is itself removed. A process killed between
 * two renames leaves each file whole, but not all of them new.
 * @throws AgentvError with the file that could not be written; all files then have their old
 * content
 */
export function writeAllOrNone(changes: readonly FileChange[]): void {
	const steps: Step[] = [];
	const made: string[] = [];
	let at = "";
	try {
		for (const change of changes) {
			at = change.path;
			const target = change.content === null ? removalTarget(at) : writeTarget(at);
			if (steps.some((step) => step.target === target))
				throw new AgentvError("internal", `${at} would be written twice`);
			const step: Step = { path: at, target };
			steps.push(step);
			stage(step, change, made);
		}
		// Removals come last: a killed process must not lose content that another file was to
		// receive.
		for (const step of [...steps].sort((a, b) => Number(!a.staged) - Number(!b.staged))) {
			at = step.path;
			apply(step);
		}
	} catch (error) {
		for (const step of steps.reverse()) undo(step);
		// Only empty ones are removed: files of other programs stay.
		for (const directory of made.reverse()) removeIfEmpty(directory);
		throw fileError(at, error);
	}
	for (const { backup } of steps) if (backup) rmSync(backup, { force: true });
	for (const directory of new Set(steps.map(({ target }) => dirname(target)))) syncDirectory(directory);
}

/** Returns the entry itself, even if it is a link, in its real directory. */
function removalTarget(path: string): string {
	return join(realPath(dirname(path)), basename(path));
}

function stage(step: Step, { content, mode }: FileChange, made: string[]): void {
	const { target } = step;
	if (content === null) {
		if (pathKind(target) === "directory") throw new AgentvError("config", `${step.path} is a directory, not a file`);
		return;
	}
	if (targetKind(target) === "directory") throw new AgentvError("config", `${step.path} is a directory, not a file`);
	makeDirectories(dirname(target), made);
	step.staged = stageBeside(target, content, { mode });
	if (pathKind(target) === "file") {
		step.backup = stageBeside(target, "");
		copyFileSync(target, step.backup);
	}
}

function apply(step: Step): void {
	if (step.staged) renameSync(step.staged, step.target);
	else if (pathKind(step.target) !== "missing") {
		// Moved instead of deleted, so that rolling back restores the original.
		const away = besideName(step.target);
		renameSync(step.target, away);
		step.backup = away;
	}
	step.applied = true;
}

function undo({ target, staged, backup, applied }: Step): void {
	if (applied && backup) renameSync(backup, target);
	else if (applied && staged) rmSync(target, { force: true });
	else for (const path of [staged, backup]) if (path) rmSync(path, { force: true });
}

function makeDirectories(directory: string, made: string[]): void {
	if (pathKind(directory) !== "missing") return;
	makeDirectories(dirname(directory), made);
	mkdirSync(directory);
	made.push(directory);
}

function removeIfEmpty(directory: string): void {
	ifPossible(() => rmdirSync(directory));
}

/** When `append` returns, the data survives a crash of the process. */
export interface AppendFile {
	readonly path: string;
	append(content: string | Uint8Array): void;
	isInPlace(): boolean;
	/** The appended data survives a power failure afterwards. */
	sync(): void;
	close(): void;
}

/** Opens or creates a regular file in an existing directory. @throws AgentvError */
export function openAppendFile(path: string, options: { readonly mode?: number } = {}): AppendFile {
	const descriptor = atPath(path, () => openSync(path, writeFlags | constants.O_APPEND, options.mode ?? 0o666));
	if (!fstatSync(descriptor).isFile()) {
		closeSync(descriptor);
		throw new AgentvError("config", `${path} is not a regular file`);
	}
	let isOpen = true;
	return {
		path,
		append: (content) => atPath(path, () => writeFileSync(descriptor, content)),
		isInPlace() {
			const own = fstatSync(descriptor, { bigint: true });
			return ifPossible(() => {
				const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
				return there?.dev === own.dev && there.ino === own.ino;
			}, false);
		},
		sync: () => atPath(path, () => fsyncSync(descriptor)),
		close() {
			if (isOpen) closeSync(descriptor);
			isOpen = false;
		},
	};
}

/** Best effort: errors are ignored. */
export function touch(path: string): void {
	const now = new Date();
	ifPossible(() => utimesSync(path, now, now));
}

/** From this many files on, syncing the whole file system is faster than syncing each of them. */
const manyFiles = 64;
const concurrency = 16;

/**
 * Makes files (absolute paths below `root`) and their names survive a power failure. Many files are
 * synced by the program `sync -f` if available, because Node has no call for that; few of them, or
 * without that program, one by one.
 * @throws AgentvError if one of them is not writable
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

/** Does nothing if directories can't be opened (Windows, some network shares). */
function syncDirectory(path: string): void {
	ifPossible(() => {
		const descriptor = openSync(path, "r");
		try {
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
	});
}

/** Returns whether the parent is writable and the path is not a visible mount point. */
export function canReplaceDirectory(path: string): boolean {
	const own = statSync(path, { throwIfNoEntry: false });
	const parent = dirname(path);
	if (own && own.dev !== statSync(parent).dev) return false;
	return ifPossible(() => {
		accessSync(parent, constants.W_OK | constants.X_OK);
		return true;
	}, false);
}

/** Atomic, and not through a link. */
export function replaceByCopy(from: string, to: string, mode: number): void {
	replaceFile(to, (staged) => {
		copyFileSync(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
		chmodSync(staged, mode);
	});
}

/**
 * `goal` is missing or an empty directory: readers see nothing or all of it. Returns false, with
 * nothing changed, if the system can't rename (another file system, a mount point).
 * @throws AgentvError if the goal is not empty, or not writable
 */
export function moveIntoPlace(directory: string, goal: string): boolean {
	try {
		renameSync(directory, goal);
	} catch (error) {
		if (["EXDEV", "EBUSY"].includes(errnoCode(error) ?? "")) return false;
		// Some systems don't rename onto an empty directory.
		if (errnoCode(error) !== "EPERM" && errnoCode(error) !== "EEXIST") throw fileError(goal, error);
		try {
			rmdirSync(goal);
			renameSync(directory, goal);
		} catch (again) {
			throw fileError(goal, again);
		}
	}
	return true;
}

/** Long past, so that any later change is visible. */
const settledSeconds = Date.UTC(2020, 0, 1) / 1000;

/**
 * Sets one fixed modification time on all files that pass the filter. Git's index then detects
 * changed copies by that time alone, and no later change can have the same time.
 */
export function settleTimes(root: string, filter: NonNullable<ListOptions["filter"]>): void {
	for (const { path, kind } of walkTree(root, { filter })) {
		if (kind !== "file") continue;
		atPath(join(root, path), () => utimesSync(join(root, path), settledSeconds, settledSeconds));
	}
}
