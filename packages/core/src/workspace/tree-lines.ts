import { dirname } from "node:path";
import { rawPath } from "../io/files/raw-path.ts";
import type { TreeNotes } from "../io/files/tree-notes.ts";
import { shownPath } from "./change-text.ts";
import { isGitsOwn } from "./pristine.ts";

// What git can't represent, as lines that it ignores: empty directories and special files.

/** Begins a line about something that the patch does not restore. */
export const notInPatch = "# not in this patch, because ";
const emptyDirectory = "# new empty directory ";
const removedDirectory = "# deleted empty directory ";

/** Returns lines about every difference between two notes of a tree except files and links. */
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
	// A directory precedes its contents.
	for (const [path, { kind }] of notes) {
		empty.delete(dirname(path));
		if (kind === "directory" && !isGitsOwn(path)) empty.add(path);
	}
	return empty;
}

/** Finds removed directories with an empty subdirectory, deepest first. */
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
	/** Deepest first. */
	readonly removes: readonly string[];
	/** Lines about what the patch does not contain. */
	readonly missing: readonly string[];
}

/** Parses the lines before the first file of a patch. */
export function readTreeLines(lines: readonly string[]): TreeWork {
	const after = (prefix: string) =>
		lines.filter((line) => line.startsWith(prefix)).map((line) => pathOf(line.slice(prefix.length)));
	return {
		makes: after(emptyDirectory),
		removes: after(removedDirectory),
		missing: lines.filter((line) => line.startsWith(notInPatch)),
	};
}

/** Parses the output of `shownPath` to a path for system calls. */
function pathOf(shown: string): string {
	if (!shown.startsWith('"')) return shown;
	const bytes = shown
		.slice(1, -1)
		.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
	return rawPath(Buffer.from(bytes, "latin1"));
}
