import { lstatSync, readdirSync, type Stats } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";
import type { Openings } from "./openings.ts";
import { rawNames, readRawLink, systemPath } from "./raw-path.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** What is noted of a path so that any change of it is seen later without reading it. */
export interface TreeNote {
	readonly kind: "file" | "directory" | "link" | "other";
	/** Permission bits. */
	readonly mode: number;
	readonly size: number;
	readonly mtimeMs: number;
	/** The kernel's own time of the last change, which no program can set. */
	readonly ctimeMs: number;
	readonly inode: number;
	/** The text of a link. */
	readonly target: string | undefined;
}

/**
 * Notes by path relative to the root, `/` between components; a directory stands before what it holds. Names that are
 * not UTF-8 are written as `raw-path` does.
 */
export type TreeNotes = Map<string, TreeNote>;

/** Entries noted before other work gets its turn. */
const entriesPerTurn = 2000;

/**
 * Notes everything below `root`, links not followed. What vanishes meanwhile, or can't be looked at, is left out or noted as
 * `other`: whatever a program made of a tree, it can be noted.
 * @param openings opens directories that may not be read; without it what these hold is left out
 * @throws AgentvError when `root` itself can't be read, or `interrupted`
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
		throwIfAborted(signal, "looking at the workspace");
	}
	return notes;
}

function namesIn(root: string, directory: string): string[] {
	const path = directory === "" ? root : `${root}/${directory}`;
	try {
		const names = readdirSync(systemPath(path));
		// What is not UTF-8 was lost, and can't be found by what became of it.
		return names.some((name) => name.includes("\ufffd")) ? [...names, ...rawNames(path)] : names;
	} catch (error) {
		if (directory === "" || errnoCode(error) === undefined) throw fileError(path, error);
		return [];
	}
}

const noThrow = { throwIfNoEntry: false } as const;

/** The note of one absolute path, or undefined where nothing is. */
export function notePath(path: string): TreeNote | undefined {
	try {
		const stat = lstatSync(systemPath(path), noThrow);
		if (!stat) return undefined;
		const kind = kindOf(stat);
		// One shape for all, made at once: hundreds of thousands of these are made and compared in a run.
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

/** Whether nothing happened to a path between two notes of it. */
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
