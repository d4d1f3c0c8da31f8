import { createHash, hash } from "node:crypto";
import {
	chmodSync,
	closeSync,
	constants,
	createReadStream,
	createWriteStream,
	fchmodSync,
	futimesSync,
	lstatSync,
	openSync,
	readSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { chmod, copyFile, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { ZipFile } from "yazl";
import { AgentvError } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import { besideName, makeDirectories, makeDirectory } from "./directories.ts";
import {
	atPath,
	errnoCode,
	fileError,
	isInside,
	largestTree,
	realPath,
	refuseTooLarge,
	removeTree,
	systemPath,
	throwIfAborted,
	yielding,
} from "./files.ts";
import { type ListOptions, listTree, type TreeEntry } from "./find-files.ts";
import { fillFrom, openRegular, readStream } from "./read-file.ts";
import { renamePath } from "./write-file.ts";

/** A listed and checked tree that can be copied many times while it does not change. */
export interface PreparedTree {
	/** Absolute, links resolved. */
	readonly root: string;
	readonly entries: readonly TreeEntry[];
}

interface CopyOptions {
	/** Default false. */
	readonly preserveTimes?: boolean | undefined;
	/** Applies to large files. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** Contains the paths of the entries. */
export class TreeRefused extends AgentvError {
	readonly reason: "path.symlink-escape" | "refused";

	constructor(reason: TreeRefused["reason"], message: string, entries: readonly TreeEntry[], hint?: string) {
		const names = entries
			.slice(0, 10)
			.map(({ path, target }) => (target === undefined ? path : `${path} -> ${target}`));
		const more = entries.length > 10 ? `, and ${entries.length - 10} more` : "";
		super("refused", `${message}: ${names.join(", ")}${more}`, { hint });
		this.reason = reason;
	}
}

/**
 * Lists a directory for copying; its top-level `.git` is skipped unless `skipGit: false`.
 * @throws TreeRefused for links that leave the tree and for devices, sockets and pipes
 */
export function prepareTree(from: string, options: ListOptions = {}): PreparedTree {
	const root = realPath(from);
	const entries = listTree(root, { skipGit: true, ...options });
	const special = entries.filter((entry) => entry.kind === "other");
	if (special.length > 0)
		throw new TreeRefused("refused", `${from} contains entries that are not files, directories or links`, special);
	const leaving = linksLeavingTree(entries);
	if (leaving.length > 0) {
		const hint = "Make them relative, with a target inside the directory.";
		throw new TreeRefused("path.symlink-escape", `${from} has links that point outside it`, leaving, hint);
	}
	return { root, entries };
}

/**
 * Copies to a new or empty directory outside the tree. Files are copied, never hard-linked;
 * permission bits and link texts stay. A failure can leave a partial copy: remove `to` then.
 * @throws AgentvError if an entry of that name exists in `to`, or on a file error
 */
export async function copyPreparedTree(tree: PreparedTree, to: string, options: CopyOptions = {}): Promise<void> {
	const goal = resolve(to);
	if (isInside(tree.root, realPath(goal))) {
		throw new AgentvError("refused", `${to} is inside ${tree.root}, the directory to copy`);
	}
	refuseTooLarge(tree.root, filesOf(tree.entries), largestTree);
	try {
		makeDirectories(goal);
		const directories = tree.entries.filter((entry) => entry.kind === "directory");
		for (const { path } of directories) makeCopyDirectory(join(goal, path));
		await copyFiles(tree, goal, options);
		for (const { path, target } of tree.entries) if (target !== undefined) symlinkSync(target, join(goal, path));
		finishDirectories(goal, directories, options);
	} catch (error) {
		throw fileError(to, error);
	}
}

export async function copyTree(from: string, to: string, options: CopyOptions & ListOptions = {}): Promise<void> {
	await copyPreparedTree(prepareTree(from, options), to, options);
}

function filesOf(entries: readonly TreeEntry[]): TreeEntry[] {
	return entries.filter(({ kind }) => kind === "file");
}

function makeCopyDirectory(path: string): void {
	makeDirectories(path);
	// An existing link would redirect everything below it.
	if (!lstatSync(path).isDirectory()) throw new AgentvError("config", `${path} already exists and is a link`);
}

async function copyFiles(tree: PreparedTree, goal: string, options: CopyOptions): Promise<void> {
	let failed = false;
	const large = tree.entries.filter((entry) => entry.kind === "file" && entry.size > smallFileSize);
	const copying = mapPool(large, { concurrency: options.concurrency ?? 4 }, async (entry) => {
		throwIfAborted(options.signal, "copying");
		if (!failed) await copyLargeFile(tree.root, goal, entry, options);
	});
	// Awaited below, but it can fail before that.
	const settled = copying.catch(() => undefined);
	try {
		await copySmallFiles(tree, goal, options);
	} catch (error) {
		failed = true;
		throw error;
	} finally {
		// Also after a failure: the caller's cleanup must not race with a running copy.
		await settled;
	}
	await copying;
}

async function copySmallFiles(tree: PreparedTree, goal: string, options: CopyOptions): Promise<void> {
	const copy = smallFileCopier(tree.root, goal, options);
	const nextTurn = yielding("copying", options.signal);
	for (const entry of tree.entries) {
		await nextTurn();
		if (entry.kind === "file" && entry.size <= smallFileSize) copy(entry);
	}
}

/** Runs last, deepest first, because a read-only directory could not be filled. */
function finishDirectories(goal: string, directories: readonly TreeEntry[], options: CopyOptions): void {
	for (const entry of directories.toReversed()) {
		const path = join(goal, entry.path);
		if ((statSync(path).mode & 0o777) !== entry.mode) chmodSync(path, entry.mode);
		if (options.preserveTimes) utimesSync(path, entry.mtimeMs / 1000, entry.mtimeMs / 1000);
	}
}

/** Files up to this size are copied through one buffer, in half the time of a system copy. */
const smallFileSize = 256 * 1024;

/** All calls of the returned function share one buffer. */
function smallFileCopier(from: string, to: string, options: { readonly preserveTimes?: boolean | undefined }) {
	const buffer = Buffer.allocUnsafe(smallFileSize);
	const umask = process.umask();
	return (entry: TreeEntry): void => {
		const source = openRegular(join(from, entry.path), { noFollow: true }).descriptor;
		try {
			const goal = openNew(join(to, entry.path), entry.mode);
			try {
				for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
					writeFileSync(goal, buffer.subarray(0, length));
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

function openNew(path: string, mode: number): number {
	return atPath(path, () => openSync(path, "wx", mode));
}

/** Shares the file's blocks if the file system can. */
async function copyLargeFile(
	from: string,
	to: string,
	entry: TreeEntry,
	options: { readonly preserveTimes?: boolean | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const goal = join(to, entry.path);
	try {
		// The system's copy can't be aborted.
		if (entry.size > maxCopy) await copyInPieces(join(from, entry.path), goal, options.signal);
		else await copyFile(join(from, entry.path), goal, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
		await chmod(goal, entry.mode);
		if (options.preserveTimes) await utimes(goal, entry.mtimeMs / 1000, entry.mtimeMs / 1000);
	} catch (error) {
		throw fileError(goal, error);
	}
}

/** Bytes that the system copies in one call. */
const maxCopy = 256 * 1024 * 1024;

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

/** `offset` is the position of `bytes` in the file; windows overlap by `overlap` bytes. */
type ByteObserver = (bytes: Buffer, offset: number) => void;

interface ObservedCopy {
	readonly sha256: string;
	readonly size: number;
}

const chunkSize = 1024 * 1024;

/** Copies, hashes and shows files through one buffer, so that each is read once. */
export class ObservedCopier {
	readonly #overlap: number;
	readonly #buffer: Buffer;

	constructor(overlap: number) {
		this.#overlap = overlap;
		this.#buffer = Buffer.allocUnsafeSlow(overlap + chunkSize);
	}

	/** `to` must be new; its mode is 755 or 644 less the umask. @throws AgentvError */
	async copy(
		from: string,
		to: string,
		executable: boolean,
		observe: ByteObserver,
		signal?: AbortSignal,
	): Promise<ObservedCopy> {
		const source = openRegular(from).descriptor;
		try {
			const goal = openNew(to, executable ? 0o755 : 0o644);
			try {
				return await this.#pass(source, goal, from, to, observe, signal);
			} finally {
				closeSync(goal);
			}
		} finally {
			closeSync(source);
		}
	}

	async #pass(
		source: number,
		goal: number,
		from: string,
		to: string,
		observe: ByteObserver,
		signal: AbortSignal | undefined,
	): Promise<ObservedCopy> {
		const digest = createHash("sha256");
		const nextTurn = yielding("copying", signal);
		let repeated = 0;
		let size = 0;
		for (let bytes = this.#read(source, from); bytes.length > 0 || size === 0; bytes = this.#read(source, from)) {
			atPath(to, () => writeFileSync(goal, bytes));
			const end = this.#overlap + bytes.length;
			observe(this.#buffer.subarray(this.#overlap - repeated, end), size - repeated);
			// The buffer contains the whole file.
			if (size === 0 && bytes.length < chunkSize) return { sha256: hash("sha256", bytes, "hex"), size: bytes.length };
			digest.update(bytes);
			size += bytes.length;
			repeated = Math.min(this.#overlap, repeated + bytes.length);
			this.#buffer.copyWithin(this.#overlap - repeated, end - repeated, end);
			await nextTurn();
		}
		return { sha256: digest.digest("hex"), size };
	}

	#read(descriptor: number, path: string): Buffer {
		return atPath(path, () => fillFrom(descriptor, this.#buffer.subarray(this.#overlap)));
	}
}

export function writeLink(path: string, target: string): void {
	atPath(path, () => symlinkSync(target, path));
}

/** Writes a file or, with mode `120000`, a link with this text at an unused path. */
export function writeTreeFile(path: string, content: Buffer, mode: "100644" | "100755" | "120000"): void {
	const place = systemPath(path);
	atPath(path, () => {
		if (mode === "120000") symlinkSync(content, place);
		else {
			writeFileSync(place, content, { flag: "wx" });
			chmodSync(place, mode === "100755" ? 0o755 : 0o644);
		}
	});
}

/**
 * Covers absolute links, those that climb above the root (also through other links), and cycles.
 * Needs no file access, so dangling links are included.
 */
export function linksLeavingTree(entries: readonly TreeEntry[]): TreeEntry[] {
	const targets = new Map<string, string>();
	for (const entry of entries) if (entry.target !== undefined) targets.set(entry.path, entry.target);
	return entries.filter((entry) => entry.target !== undefined && leaves(entry.path, targets));
}

function leaves(link: string, targets: ReadonlyMap<string, string>): boolean {
	let at: string[] = [];
	const todo = link.split("/");
	let hops = 0;
	for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
		if (part === "" || part === ".") continue;
		if (part === "..") {
			if (at.length === 0) return true;
			at = at.slice(0, -1);
			continue;
		}
		const target = targets.get([...at, part].join("/"));
		if (target === undefined) {
			at = [...at, part];
			continue;
		}
		// Drive letters and backslashes count as absolute, too: on Windows such a link has another
		// meaning.
		if (/^(?:[/\\]|[a-z]:)/i.test(target) || ++hops > 40) return true;
		todo.unshift(...target.split("/"));
	}
	return false;
}

function isArchiveName(file: string): boolean {
	return /\.(tgz|tar\.gz|zip)$/i.test(file);
}

/**
 * No partial archive remains after a failure.
 * @throws AgentvError `usage` for an extension other than `.tgz`, `.tar.gz` and `.zip`,
 * `interrupted`
 */
export async function writeArchive(
	file: string,
	entries: Iterable<ArchiveEntry>,
	options: ArchiveOptions,
): Promise<void> {
	if (!isArchiveName(file)) throw new AgentvError("usage", `${file} is not a .tgz or .zip file`);
	makeDirectory(dirname(file));
	throwIfAborted(options.signal, "archiving");
	const staged = besideName(file);
	try {
		await (/\.zip$/i.test(file) ? writeZip : writeTar)(staged, entries, options);
		renamePath(staged, file);
	} catch (error) {
		await removeTree(staged);
		throwIfAborted(options.signal, "archiving");
		throw fileError(file, error);
	}
}

export interface ArchiveEntry {
	readonly kind: "file" | "link" | "directory";
	/** Path in the archive, `/` between components. */
	readonly path: string;
	/** Absolute; unused for links, whose text is in `link`. */
	readonly from: string;
	readonly size: number;
	readonly executable: boolean;
	readonly link?: string | undefined;
}

interface ArchiveOptions {
	readonly time: Date;
	readonly signal?: AbortSignal | undefined;
}

async function writeTar(
	file: string,
	entries: Iterable<ArchiveEntry>,
	{ time, signal }: ArchiveOptions,
): Promise<void> {
	const archive = pack();
	const written = pipeline(archive, createGzip(), createWriteStream(file, { flags: "wx" }), {
		...(signal ? { signal } : {}),
	});
	const filled = (async () => {
		for (const entry of entries) {
			signal?.throwIfAborted();
			await add(archive, entry, time);
		}
		archive.finalize();
	})();
	// If either side fails, the other must not wait forever; wait for both.
	filled.catch((error: Error) => archive.destroy(error));
	written.catch((error: Error) => archive.destroy(error));
	const [fill, write] = await Promise.allSettled([filled, written]);
	for (const result of [write, fill]) if (result.status === "rejected") throw result.reason;
}

async function add(archive: ReturnType<typeof pack>, entry: ArchiveEntry, time: Date): Promise<void> {
	const header = { name: entry.path, mtime: time, mode: entry.executable ? 0o755 : 0o644 };
	if (entry.link !== undefined) {
		archive.entry({ ...header, mode: 0o777, type: "symlink", linkname: entry.link });
		return;
	}
	if (entry.kind === "directory") {
		archive.entry({ ...header, mode: 0o755, type: "directory" });
		return;
	}
	const target = archive.entry({ ...header, type: "file", size: entry.size });
	if (entry.size === 0) target.end();
	else await pipeline(readStream(entry.from).file, target);
}

async function writeZip(
	file: string,
	entries: Iterable<ArchiveEntry>,
	{ time, signal }: ArchiveOptions,
): Promise<void> {
	const zip = new ZipFile();
	for (const { kind, path, from, executable, link } of entries) {
		if (kind === "directory") zip.addEmptyDirectory(path, { mtime: time, mode: 0o40755 });
		else if (link === undefined) zip.addFile(from, path, { mtime: time, mode: executable ? 0o100755 : 0o100644 });
		else zip.addBuffer(Buffer.from(link), path, { mtime: time, mode: 0o120777, compress: false });
	}
	zip.end();
	const failed = new Promise<never>((_, reject) => zip.on("error", reject));
	const written = pipeline(zip.outputStream, createWriteStream(file, { flags: "wx" }), {
		...(signal ? { signal } : {}),
	});
	await Promise.race([written, failed]);
}
