import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyPreparedTree, type PreparedTree } from "./copy-tree.ts";
import { fileError } from "./file-error.ts";
import { Openings } from "./openings.ts";
import { isRawPath, systemPath } from "./raw-path.ts";
import { removeTree } from "./remove-tree.ts";
import { isUnchanged, notePath, noteTree, type TreeNotes } from "./tree-notes.ts";

export interface ResetOptions {
	/** Selects which files (and links) that the original lacks stay. Default: none. */
	readonly keep?: ((extras: readonly string[]) => Promise<ReadonlySet<string>>) | undefined;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Restores `root`, once a copy of `original`, by rewriting only what changed: far cheaper than a
 * new copy. `clean` contains the notes of paths from when they were equal; returns the new notes.
 * Links in the way are removed, never followed.
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

/** Removes what the original lacks or has as another kind. */
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
	const asked = await keep(extras);
	// A kept file whose directory must be replaced by a file of the original is removed with it.
	const possible = [...asked].filter((path) => {
		for (let at = dirname(path); at !== "."; at = dirname(at)) {
			const entry = wanted.get(at);
			if (entry && entry.kind !== "directory") return false;
		}
		return true;
	});
	return new Set([...possible, ...parentsOf(possible)]);
}

/** Returns all parent directories of the paths. */
function parentsOf(paths: readonly string[]): Set<string> {
	const parents = new Set<string>();
	for (const path of paths) {
		for (let at = dirname(path); at !== "." && !parents.has(at); at = dirname(at)) parents.add(at);
	}
	return parents;
}

function makeUsable(path: string): void {
	try {
		chmodSync(systemPath(path), 0o755);
	} catch (error) {
		throw fileError(path, error);
	}
}
