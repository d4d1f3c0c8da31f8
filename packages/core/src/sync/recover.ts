import { dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { isInside } from "../io/files/path-inside.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { sweepStagedFiles } from "../io/files/staged-files.ts";
import { pathKind, realPath } from "../io/files/stat-path.ts";
import { removeFile } from "../io/files/write-note.ts";
import { type CloneGit, openClone } from "./clone-git.ts";
import { clearRemains, type Journal, readJournal, removeJournal, workTreeSpan } from "./journal.ts";
import { type TreeChange, treeDiff } from "./tree-diff.ts";

/** Returns git's name for the empty tree in a repository with `sha`'s format (SHA-1 or SHA-256). */
export function emptyTree(sha: string): string {
	if (sha.length === 64) return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";
	return "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
}

/**
 * Recovers from a killed sync in the clone at `root`: ends its git, removes its locks, and resets
 * paths that it was changing and that were clean. Returns what was done; undefined if nothing was.
 */
export async function recover(root: string, env: Environment): Promise<string | undefined> {
	const gitDir = join(root, ".git");
	if (pathKind(gitDir) !== "directory") return undefined;
	sweepStagedFiles(gitDir);
	const journal = readJournal(gitDir);
	if (!journal) return undefined;
	await clearRemains(gitDir, journal);
	return putRight(root, gitDir, journal, env);
}

/** For a git that exited, removing its own locks: others' locks stay. Best effort. */
export async function undo(root: string, env: Environment): Promise<void> {
	const gitDir = join(root, ".git");
	const journal = readJournal(gitDir);
	try {
		if (journal) await putRight(root, gitDir, journal, env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
	}
}

async function putRight(root: string, gitDir: string, journal: Journal, env: Environment): Promise<string> {
	const restored = journal.phase === "work-tree" ? await restoreWorkTree(await openClone(root, env), journal) : 0;
	removeJournal(gitDir);
	return restored === 0
		? "an interrupted sync was cleaned up"
		: `an interrupted sync was recovered (${restored} ${restored === 1 ? "file" : "files"})`;
}

/** Resets the journal's paths to HEAD; returns their number. */
export async function restoreWorkTree(git: CloneGit, journal: Journal): Promise<number> {
	const { from, to } = workTreeSpan(journal);
	const head = (await git.local(["rev-parse", "--verify", "HEAD"])).stdout.trim();
	// The user has moved on from there: keep that.
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

/** Removes a file of the work tree and emptied directories; nothing through a link to elsewhere. */
function removeBelow(root: string, path: string): void {
	const file = join(root, path);
	const directory = dirname(file);
	if (!isInside(root, realPath(directory))) return;
	const kind = pathKind(file);
	if (kind === "file" || kind === "link") removeFile(file);
	for (let at = directory; at !== root && isInside(root, at); at = dirname(at)) if (!removeEmptyDirectory(at)) return;
}
