import { dirname } from "node:path";
import { rawPath } from "../io/files/raw-path.ts";
import type { TreeNotes } from "../io/files/tree-notes.ts";
import { shownPath } from "./change-text.ts";
import { isGitsOwn } from "./pristine.ts";

// What git has no words for, as lines that it passes over: empty directories, and what is not a file, directory or link.

/** Begins a line about something that the patch does not bring back. */
export const notInPatch = "# not in this patch, because ";
const emptyDirectory = "# new empty directory ";
const removedDirectory = "# deleted empty directory ";

/** Lines about everything but files and links that differs between two notes of a tree. */
export function treeLines(before: TreeNotes, after: TreeNotes): string[] {
	const lines: string[] = [];
	const [emptyBefore, emptyAfter] = [emptyDirectories(before), emptyDirectories(after)];
	for (const path of emptyAfter) if (!emptyBefore.has(path)) lines.push(`${emptyDirectory}${shownPath(path)}\n`);
	for (const path of goneWithEmpty(before, after, emptyBefore)) lines.push(`${removedDirectory}${shownPath(path)}\n`);
	for (const [path, { kind, inode }] of after) {
		const old = before.get(path);
		if (kind !== "other" || isGitsOwn(path) || (old?.kind === "other" && old.inode === inode)) continue;
		lines.push(`${notInPatch}it is a pipe, socket or device: new ${shownPath(path)}\n`);
	}
	return lines;
}

function emptyDirectories(notes: TreeNotes): Set<string> {
	const empty = new Set<string>();
	// A directory comes before what it holds.
	for (const [path, { kind }] of notes) {
		empty.delete(dirname(path));
		if (kind === "directory" && !isGitsOwn(path)) empty.add(path);
	}
	return empty;
}

/** Directories that are gone and that an empty one in them kept from being removed together with their files; the deepest first. */
function goneWithEmpty(before: TreeNotes, after: TreeNotes, emptyBefore: ReadonlySet<string>): string[] {
	const gone = new Set<string>();
	const isGone = (path: string) => before.has(path) && after.get(path)?.kind !== "directory";
	for (const empty of emptyBefore)
		for (let path = empty; path !== "." && isGone(path); path = dirname(path)) gone.add(path);
	return [...gone].sort((one, other) => other.split("/").length - one.split("/").length);
}

/** What the lines before a patch say about directories. */
export interface TreeWork {
	readonly makes: readonly string[];
	/** The deepest first. */
	readonly removes: readonly string[];
	/** Lines about what the patch does not hold. */
	readonly missing: readonly string[];
}

/** Reads the lines that stand before the first file of a patch. */
export function readTreeLines(lines: readonly string[]): TreeWork {
	const after = (prefix: string) =>
		lines.filter((line) => line.startsWith(prefix)).map((line) => pathOf(line.slice(prefix.length)));
	return {
		makes: after(emptyDirectory),
		removes: after(removedDirectory),
		missing: lines.filter((line) => line.startsWith(notInPatch)),
	};
}

/** The path that `shownPath` wrote, as the system takes it. */
function pathOf(shown: string): string {
	if (!shown.startsWith('"')) return shown;
	const bytes = shown
		.slice(1, -1)
		.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
	return rawPath(Buffer.from(bytes, "latin1"));
}
