import { dirname, join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { isInside } from "../io/files/path-inside.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { pathKind, realPath } from "../io/files/stat-path.ts";
import { removeFile } from "../io/files/write-note.ts";
import { type CloneGit, openClone } from "./clone-git.ts";
import { clearRemains, type Journal, readJournal, removeJournal, workTreeSpan } from "./journal.ts";
import { type TreeChange, treeDiff } from "./tree-diff.ts";

/** git's name for the empty tree (SHA-1). */
export const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/**
 * Puts right what a killed sync left in the clone at `root`: its git is ended, its locks are removed, and paths that it was changing
 * and that were clean before become what HEAD says. Answers what was done, or undefined where there was nothing.
 */
export async function recover(root: string, env: Environment): Promise<string | undefined> {
	const gitDir = join(root, ".git");
	if (pathKind(gitDir) !== "directory") return undefined;
	const journal = readJournal(gitDir);
	if (!journal) return undefined;
	await clearRemains(gitDir, journal);
	const restored = journal.phase === "work-tree" ? await restoreWorkTree(await openClone(root, env), journal) : 0;
	removeJournal(gitDir);
	return restored === 0
		? "an interrupted sync was cleared away"
		: `an interrupted sync was put right (${restored} ${restored === 1 ? "file" : "files"})`;
}

/** Makes the paths that the journal speaks of what HEAD says; answers how many. */
export async function restoreWorkTree(git: CloneGit, journal: Journal): Promise<number> {
	const { from, to } = workTreeSpan(journal);
	const head = (await git.local(["rev-parse", "--verify", "HEAD"])).stdout.trim();
	// Somebody has gone on from there: what he did is his.
	if (head !== from && head !== to) return 0;
	const edits = new Set(journal.edits ?? []);
	const changes = (await treeDiff(git, from, to)).filter(({ path }) => !edits.has(path));
	const wanted = (change: TreeChange) => (head === to ? change.after : change.before);
	const index = changes.map((change) => {
		const side = wanted(change);
		return `${side ? `${side.mode} ${side.oid}` : `0 ${"0".repeat(from.length)}`}\t${change.path}\0`;
	});
	await git.shielded(["update-index", "-z", "--index-info"], { input: index.join("") });
	for (const change of changes) if (!wanted(change)) removeBelow(git.root, change.path);
	const present = changes.filter((change) => (wanted(change)?.mode ?? "160000") !== "160000");
	const paths = present.map(({ path }) => `${path}\0`).join("");
	if (paths !== "") await git.shielded(["checkout-index", "--force", "-u", "-z", "--stdin"], { input: paths });
	return changes.length;
}

/** Removes a file of the work tree and the directories that it leaves empty; nothing behind a link that leads elsewhere. */
function removeBelow(root: string, path: string): void {
	const file = join(root, path);
	const directory = dirname(file);
	if (!isInside(root, realPath(directory))) return;
	const kind = pathKind(file);
	if (kind === "file" || kind === "link") removeFile(file);
	for (let at = directory; at !== root && isInside(root, at); at = dirname(at)) if (!removeEmptyDirectory(at)) return;
}
