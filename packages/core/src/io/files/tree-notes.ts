import { lstatSync, readdirSync, type Stats } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";
import type { Openings } from "./openings.ts";
import { rawNames, readRawLink, systemPath } from "./raw-path.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** Metadata of a path that reveals any later change without reading it. */
export interface TreeNote {
	readonly kind: "file" | "directory" | "link" | "other";
	/** Permission bits. */
	readonly mode: number;
	readonly size: number;
	readonly mtimeMs: number;
	/** The kernel's own time of the last change, which programs can't set. */
	readonly ctimeMs: number;
	readonly inode: number;
	/** Only for links. */
	readonly target: string | undefined;
}

/**
 * Notes by path relative to the root, `/` between components; a directory precedes its contents.
 * Names that are not UTF-8 are encoded by `raw-path`.
 */
export type TreeNotes = Map<string, TreeNote>;

/** Entries noted before yielding to other work. */
const entriesPerTurn = 2000;

/**
 * Notes everything below `root`, links not followed. Entries that vanish meanwhile are omitted,
 * inaccessible ones noted as
 * `other`: whatever a program did to a tree, it can be noted.
 * @param openings opens unreadable directories; without it their contents are omitted
 * @throws AgentvError if `root` itself is unreadable, or `interrupted`
 */
export async function noteTree(root: string, signal?: AbortSignal, openings?: Openings): Promise<TreeNotes> {
	const notes: TreeNotes = new Map();
	const top = openings && notePath(root);
	if (top) openings.open(root, top);
	const directories = [""];
	let turn = 0;
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
		if (notes.size - turn < entriesPerTurn) continue;
		turn = notes.size;
		await new Promise((next) => setImmediate(next));
		throwIfAborted(signal, "scanning the workspace");
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

const noThrow = { throwIfNoEntry: false } as const;

/** Returns the note of an absolute path, or undefined if nothing is there. */
export function notePath(path: string): TreeNote | undefined {
	try {
		const stat = lstatSync(systemPath(path), noThrow);
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
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

function kindOf(stat: Stats): TreeNote["kind"] {
	if (stat.isFile()) return "file";
	if (stat.isDirectory()) return "directory";
	return stat.isSymbolicLink() ? "link" : "other";
}

/** Returns whether a path is unchanged between two notes. */
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
