import { createHash, hash } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { copyPreparedTree, type PreparedTree } from "./copy-tree.ts";
import {
	atPath,
	errnoCode,
	fileError,
	ifPossible,
	isRawPath,
	kindOf,
	largestHashed,
	largestTree,
	type PathKind,
	rawNames,
	readRawLink,
	refuseTooLarge,
	removeTree,
	systemPath,
	yielding,
} from "./files.ts";
import { type ListOptions, listTree } from "./find-files.ts";
import { Openings, readRegularChunks, withRegular } from "./read-file.ts";

/** Reveals any later change of a path without reading it. */
export interface TreeNote {
	readonly kind: Exclude<PathKind, "missing">;
	readonly mode: number;
	readonly size: number;
	readonly mtimeMs: number;
	/** The kernel sets this time of the last change; programs can't. */
	readonly ctimeMs: number;
	readonly inode: number;
	readonly target: string | undefined;
}

/** By relative path, encoded by `rawPath`; a directory precedes its contents. */
export type TreeNotes = Map<string, TreeNote>;

/**
 * Links are not followed. Entries that vanish meanwhile are omitted, inaccessible ones noted as
 * `other`: every state of a tree can be noted.
 * @param openings opens unreadable directories; without it their contents are omitted
 * @throws AgentvError if `root` itself is unreadable, or `interrupted`
 */
export async function noteTree(root: string, signal?: AbortSignal, openings?: Openings): Promise<TreeNotes> {
	const notes: TreeNotes = new Map();
	const top = openings && notePath(root);
	if (top) openings.open(root, top);
	const directories = [""];
	const nextTurn = yielding("scanning the workspace", signal);
	for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
		const prefix = directory === "" ? "" : `${directory}/`;
		for (const name of namesIn(root, directory)) {
			const path = prefix + name;
			const note = notePath(`${root}/${path}`);
			if (note) notes.set(path, note);
			if (note?.kind !== "directory") continue;
			openings?.open(`${root}/${path}`, note);
			directories.push(path);
		}
		await nextTurn();
	}
	return notes;
}

function namesIn(root: string, directory: string): string[] {
	const path = directory === "" ? root : `${root}/${directory}`;
	try {
		const names = readdirSync(systemPath(path));
		// A non-UTF-8 name was lost in decoding and can't be found by the result.
		return names.some((name) => name.includes("\ufffd")) ? [...names, ...rawNames(path)] : names;
	} catch (error) {
		if (directory === "" || errnoCode(error) === undefined) throw fileError(path, error);
		return [];
	}
}

/** Returns undefined for a missing path. */
export function notePath(path: string): TreeNote | undefined {
	return ifPossible(() => {
		const stat = lstatSync(systemPath(path), { throwIfNoEntry: false });
		if (!stat) return undefined;
		const kind = kindOf(stat);
		// One object shape for all: a run creates and compares hundreds of thousands of these.
		return {
			kind,
			mode: stat.mode & 0o7777,
			size: stat.size,
			mtimeMs: stat.mtimeMs,
			ctimeMs: stat.ctimeMs,
			inode: stat.ino,
			target: kind === "link" ? readRawLink(path) : undefined,
		};
	});
}

export function isUnchanged(before: TreeNote, after: TreeNote): boolean {
	if (before.kind !== after.kind) return false;
	if (before.kind === "link") return before.target === after.target;
	if (before.mode !== after.mode) return false;
	if (before.kind !== "file") return before.kind === "directory" || before.inode === after.inode;
	return (
		before.size === after.size &&
		before.ctimeMs === after.ctimeMs &&
		before.mtimeMs === after.mtimeMs &&
		before.inode === after.inode
	);
}

interface ResetOptions {
	/** Selects which files (and links) that the original lacks stay. Default: none. */
	readonly keep?: ((extras: readonly string[]) => Promise<ReadonlySet<string>>) | undefined;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Restores `root`, once a copy of `original`, by rewriting only what changed: far cheaper than a
 * new
 * copy. `clean` contains the notes of paths from when they were equal; returns the new notes. Links
 * in the way are removed, never followed.
 */
export async function resetTree(
	original: PreparedTree,
	root: string,
	clean: TreeNotes,
	options: ResetOptions = {},
): Promise<TreeNotes> {
	// Opened entries stay open: all differing modes are reset below.
	const now = await noteTree(root, options.signal, new Openings());
	const top = notePath(root);
	if (top && (top.mode & 0o700) !== 0o700) makeUsable(root);
	const wanted = new Map(original.entries.map((entry) => [entry.path, entry]));
	const stale = new Set<string>();
	for (const { path, target } of original.entries) {
		const [before, after] = [clean.get(path), now.get(path)];
		if (!before || !after || after.target !== target || !isUnchanged(before, after)) stale.add(path);
	}
	for (const [path, note] of now) {
		if (note.kind !== "directory" || (note.mode & 0o700) === 0o700) continue;
		makeUsable(join(root, path));
		stale.add(path);
	}
	await removeWrong(root, now, wanted, await keptExtras(now, wanted, options));
	const parents = parentsOf([...stale]);
	const entries = original.entries.filter(({ path }) => stale.has(path) || parents.has(path));
	for (const { path, kind } of entries) {
		if (kind === "directory" || !now.has(path)) continue;
		await removeTree(join(root, path));
	}
	if (entries.length > 0) {
		await copyPreparedTree({ root: original.root, entries }, root, { preserveTimes: true, signal: options.signal });
	}
	for (const { path } of entries) {
		const note = notePath(join(root, path));
		if (note) now.set(path, note);
	}
	return now;
}

async function removeWrong(
	root: string,
	now: TreeNotes,
	wanted: ReadonlyMap<string, { readonly kind: string }>,
	kept: ReadonlySet<string>,
): Promise<void> {
	const gone = new Set<string>();
	// A directory comes before its contents, which are removed with it.
	for (const [path, note] of now) {
		const isGone = gone.has(dirname(path));
		const right = wanted.get(path)?.kind === note.kind || (!wanted.has(path) && kept.has(path));
		if (!isGone && right) continue;
		if (!isGone) await removeTree(join(root, path));
		if (note.kind === "directory") gone.add(path);
		now.delete(path);
	}
}

async function keptExtras(
	now: TreeNotes,
	wanted: ReadonlyMap<string, { readonly kind: string }>,
	{ keep }: ResetOptions,
): Promise<ReadonlySet<string>> {
	if (!keep) return new Set();
	const extras = [...now]
		.filter(([path, { kind }]) => kind !== "directory" && !wanted.has(path) && !isRawPath(path))
		.map(([path]) => path);
	if (extras.length === 0) return new Set();
	const requested = await keep(extras);
	// A kept file whose directory must be replaced by a file of the original is removed with it.
	const possible = [...requested].filter((path) => {
		for (let at = dirname(path); at !== "."; at = dirname(at)) {
			const entry = wanted.get(at);
			if (entry && entry.kind !== "directory") return false;
		}
		return true;
	});
	return new Set([...possible, ...parentsOf(possible)]);
}

function parentsOf(paths: readonly string[]): Set<string> {
	const parents = new Set<string>();
	for (const path of paths) {
		for (let at = dirname(path); at !== "." && !parents.has(at); at = dirname(at)) parents.add(at);
	}
	return parents;
}

function makeUsable(path: string): void {
	atPath(path, () => chmodSync(systemPath(path), 0o755));
}

export interface DigestEntry {
	/** Relative to the root, `/` between components. */
	readonly path: string;
	/** Bytes; for a link the length of its text. */
	readonly size: number;
	readonly mode: "644" | "755" | "link";
	/** Set for a setuid, setgid or sticky file. */
	readonly isSpecial?: true;
	/** Hexadecimal; for a link the SHA-256 of its text. */
	readonly sha256: string;
}

/** Bytes of a file that is hashed without yielding to other work. */
export const largestDigested = 4 * 1024 ** 3;
const chunkSize = 1024 * 1024;
let shared: Buffer | undefined;

/** Hexadecimal. @throws AgentvError `config` if the file is too large */
export function digestFile(path: string, maxBytes?: number): string {
	return createDigest(path, maxBytes).hex();
}

export function digestText(content: string | Uint8Array): string {
	return hash("sha256", content, "hex");
}

/** A digest for incremental updates that starts with the content of `file`. */
export function createDigest(file?: string, maxBytes = largestDigested): { update(text: string): void; hex(): string } {
	const hash = createHash("sha256");
	if (file !== undefined) {
		shared ??= Buffer.allocUnsafe(chunkSize);
		const buffer = shared;
		const read = ({ descriptor }: { readonly descriptor: number }) => {
			for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer))
				hash.update(buffer.subarray(0, length));
		};
		withRegular(file, read, { maxBytes });
	}
	return { update: (text) => void hash.update(text), hex: () => hash.digest("hex") };
}

/** In byte order of the paths. @throws AgentvError `refused` for devices, sockets and pipes */
export async function digestTree(
	root: string,
	options: ListOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<DigestEntry[]> {
	const digests: DigestEntry[] = [];
	const nextTurn = yielding("reading", options.signal);
	const entries = listTree(root, options);
	refuseTooLarge(
		root,
		entries.filter(({ kind }) => kind === "file"),
		largestTree,
	);
	for (const { path, kind, size, mode, isSpecial, target } of entries) {
		if (kind === "directory") continue;
		if (kind === "other") throw new AgentvError("refused", `${join(root, path)} is not a file, directory or link`);
		if (kind === "link")
			digests.push({ path, size: Buffer.byteLength(target ?? ""), mode: "link", sha256: digestText(target ?? "") });
		else {
			const sha256 = await digestOf(join(root, path), size, options.signal);
			digests.push({ path, size, mode: mode & 0o111 ? "755" : "644", ...(isSpecial ? { isSpecial } : {}), sha256 });
		}
		await nextTurn();
	}
	return digests;
}

async function digestOf(file: string, size: number, signal: AbortSignal | undefined): Promise<string> {
	if (size <= largestHashed) return digestFile(file);
	const digest = createHash("sha256");
	await readRegularChunks(file, size, (chunk) => void digest.update(chunk), signal);
	return digest.digest("hex");
}

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
 * Caches digests in a long-running process: a file is read again only if its times, size or inode
 * changed.
 * @example
 * const digests = new FileDigests();
 * digests.of("/evals/check.mjs"); // hexadecimal SHA-256, "missing" or "unreadable <code>"
 */
export class FileDigests {
	readonly #known = new Map<string, KnownDigest>();

	/** Returns a word that never equals a SHA-256 if the file is unreadable or large. */
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
