import { chmodSync, lstatSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { join, resolve } from "node:path";
import pLimit from "p-limit";
import { AgentvError } from "../../base/agentv-error.ts";
import { copyLargeFile, smallFileCopier, smallFileSize } from "./copy-file.ts";
import { fileError } from "./file-error.ts";
import { type ListOptions, listTree, type TreeEntry } from "./list-tree.ts";
import { makeDirectories } from "./make-directories.ts";
import { isInside } from "./path-inside.ts";
import { largestTree, refuseTooLarge } from "./size-limits.ts";
import { realPath } from "./stat-path.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";
import { linksLeavingTree } from "./tree-links.ts";

/** A listed and checked tree that can be copied many times while it does not change. */
export interface PreparedTree {
	/** Real absolute path. */
	readonly root: string;
	readonly entries: readonly TreeEntry[];
}

export interface CopyOptions {
	/** Default false. */
	readonly preserveTimes?: boolean | undefined;
	/** Large files copied concurrently. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** Small files copied before yielding to other work. */
const filesPerTurn = 200;

/**
 * Lists a directory for copying; its top-level `.git` is skipped unless `skipGit: false`.
 * @throws AgentvError `refused`, with the paths, for links that leave the tree and for devices,
 * sockets and pipes
 */
export function prepareTree(from: string, options: ListOptions = {}): PreparedTree {
	const root = realPath(from);
	const entries = listTree(root, { skipGit: true, ...options });
	const special = entries.filter((entry) => entry.kind === "other");
	if (special.length > 0) throw refused(from, "contains entries that are not files, directories or links", special);
	const leaving = linksLeavingTree(entries);
	if (leaving.length > 0) {
		throw refused(
			from,
			"has links that point outside it",
			leaving,
			"Make them relative, with a target inside the directory.",
		);
	}
	return { root, entries };
}

function refused(from: string, what: string, entries: readonly TreeEntry[], hint?: string): AgentvError {
	const names = entries.slice(0, 10).map(({ path, target }) => (target === undefined ? path : `${path} -> ${target}`));
	const more = entries.length > 10 ? `, and ${entries.length - 10} more` : "";
	return new AgentvError("refused", `${from} ${what}: ${names.join(", ")}${more}`, hint === undefined ? {} : { hint });
}

/**
 * Copies a prepared tree to `to`, a new or empty directory outside it. Files are copied, never
 * hard-linked; permission bits and link texts stay. A failure can leave a partial copy: remove `to`
 * then.
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
		for (const { path } of directories) makeDirectory(join(goal, path));
		await copyFiles(tree, goal, options);
		for (const { path, target } of tree.entries) if (target !== undefined) symlinkSync(target, join(goal, path));
		finishDirectories(goal, directories, options);
	} catch (error) {
		throw fileError(to, error);
	}
}

/** Runs `prepareTree` and `copyPreparedTree`. */
export async function copyTree(from: string, to: string, options: CopyOptions & ListOptions = {}): Promise<void> {
	await copyPreparedTree(prepareTree(from, options), to, options);
}

function filesOf(entries: readonly TreeEntry[]): TreeEntry[] {
	return entries.filter(({ kind }) => kind === "file");
}

function makeDirectory(path: string): void {
	makeDirectories(path);
	// An existing link would redirect everything below it.
	if (!lstatSync(path).isDirectory()) throw new AgentvError("config", `${path} already exists and is a link`);
}

async function copyFiles(tree: PreparedTree, goal: string, options: CopyOptions): Promise<void> {
	const limit = pLimit(options.concurrency ?? 4);
	let failed = false;
	const large = tree.entries.filter((entry) => entry.kind === "file" && entry.size > smallFileSize);
	const copying = Promise.allSettled(
		large.map((entry) =>
			limit(async () => {
				throwIfAborted(options.signal, "copying");
				if (!failed) await copyLargeFile(tree.root, goal, entry, options);
			}),
		),
	);
	try {
		await copySmallFiles(tree, goal, options);
	} catch (error) {
		failed = true;
		throw error;
	} finally {
		// Also after a failure: the caller's cleanup must not race with a running copy.
		await copying;
	}
	for (const result of await copying) if (result.status === "rejected") throw result.reason;
}

async function copySmallFiles(tree: PreparedTree, goal: string, options: CopyOptions): Promise<void> {
	throwIfAborted(options.signal, "copying");
	const copy = smallFileCopier(tree.root, goal, options);
	let count = 0;
	for (const entry of tree.entries) {
		if (entry.kind !== "file" || entry.size > smallFileSize) continue;
		copy(entry);
		if (++count % filesPerTurn !== 0) continue;
		await new Promise((next) => setImmediate(next));
		throwIfAborted(options.signal, "copying");
	}
}

/** Runs last, deepest first: a read-only directory could not be filled. */
function finishDirectories(goal: string, directories: readonly TreeEntry[], options: CopyOptions): void {
	for (const entry of directories.toReversed()) {
		const path = join(goal, entry.path);
		if ((statSync(path).mode & 0o777) !== entry.mode) chmodSync(path, entry.mode);
		if (options.preserveTimes) utimesSync(path, entry.mtimeMs / 1000, entry.mtimeMs / 1000);
	}
}
