import { join } from "node:path";
import { walkTree } from "../io/files/list-tree.ts";
import { type PathKind, pathKind } from "../io/files/stat-path.ts";
import type { CloneGit, RemoteSettings } from "./clone-git.ts";
import type { Journal } from "./journal.ts";
import type { Edit } from "./observation.ts";
import { type TreeChange, treeDiff } from "./tree-diff.ts";

/** Returns the user's differences from HEAD, without leftovers of an interrupted sync. */
export async function localEdits(
	git: CloneGit,
	{ signal }: RemoteSettings,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const { stdout } = await git.local(
		["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty", "--"],
		{ signal },
	);
	const edits = stdout.split("\0").flatMap((line) => {
		return line === "" ? [] : [{ path: line.slice(3), isTracked: !line.startsWith("??") }];
	});
	if (journal?.phase !== "work-tree" || journal.from === undefined || journal.to === undefined) return edits;
	const before = new Set(journal.edits ?? []);
	const ours = new Set((await treeDiff(git, journal.from, journal.to)).map(({ path }) => path));
	return edits.filter(({ path }) => before.has(path) || !ours.has(path));
}

/** Like `localEdits`, with ignored files that `incoming` would replace. */
export async function editsAgainst(
	incoming: readonly TreeChange[],
	git: CloneGit,
	settings: RemoteSettings,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const edits = await localEdits(git, settings, journal);
	// Before recovery, the interrupted sync's own files are still there.
	if (journal) return edits;
	const known = new Set(edits.map(({ path }) => path));
	const ignored = [...untrackedInTheWay(git.root, incoming)].filter((path) => !known.has(path));
	return [...edits, ...ignored.map((path) => ({ path, isTracked: false }))];
}

/** Finds untracked paths at, above or below an added file that stay in the way. */
function untrackedInTheWay(root: string, incoming: readonly TreeChange[]): ReadonlySet<string> {
	const tracked = new Set(incoming.flatMap(({ path, before }) => (before ? [path] : [])));
	const kinds = new Map<string, PathKind>();
	const kindOf = (path: string) => {
		const kind = kinds.get(path) ?? pathKind(join(root, path));
		kinds.set(path, kind);
		return kind;
	};
	const found = new Set<string>();
	for (const { path, before, after } of incoming) {
		if (before || !after || after.mode === "160000") continue;
		const standing = partsOf(path).find((part) => kindOf(part) !== "directory") ?? path;
		const kind = kindOf(standing);
		if (kind === "directory") for (const inner of filesBelow(root, path)) if (!tracked.has(inner)) found.add(inner);
		if (kind !== "directory" && kind !== "missing" && !tracked.has(standing)) found.add(standing);
	}
	return found;
}

/** Returns `a`, `a/b`, `a/b/c` of `a/b/c`. */
function partsOf(path: string): string[] {
	const names = path.split("/");
	return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

function* filesBelow(root: string, path: string): Generator<string> {
	for (const { path: inner, kind } of walkTree(join(root, path))) if (kind !== "directory") yield `${path}/${inner}`;
}
