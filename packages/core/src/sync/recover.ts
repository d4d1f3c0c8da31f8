import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { removeEmptyDirectory, sweepStagedFiles } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, pathKind, realPath, targetKind } from "../machine/files.ts";
import { listTree } from "../machine/find-files.ts";
import { GitError } from "../machine/git.ts";
import { removeUnfinishedObjects } from "../machine/git-repository.ts";
import { endStrays } from "../machine/process-scope.ts";
import { readTextFile } from "../machine/read-file.ts";
import { removeFile, writeNote } from "../machine/write-file.ts";
import { type CloneGit, openClone } from "./observation.ts";

/** Returns the name in the format of `sha` (SHA-1 or SHA-256). */
export function emptyTree(sha: string): string {
	if (sha.length === 64) return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";
	return "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
}

/**
 * Ends the killed sync's git process, removes its locks, and resets paths that were clean.
 * @returns what was done; undefined if nothing was
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

/** Expects that git exited and removed its own locks: others' locks stay. Best effort. */
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

export async function restoreWorkTree(git: CloneGit, journal: Journal): Promise<number> {
	const { from, to } = journal;
	if (from === undefined || to === undefined) throw new AgentvError("internal", "the journal has no commits");
	const head = (await git.local(["rev-parse", "--verify", "HEAD"])).stdout.trim();
	// The user has moved HEAD since: keep that.
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

/** Also removes emptied directories; never follows a link to elsewhere. */
function removeBelow(root: string, path: string): void {
	const file = join(root, path);
	const directory = dirname(file);
	if (!isInside(root, realPath(directory))) return;
	const kind = pathKind(file);
	if (kind === "file" || kind === "link") removeFile(file);
	for (let at = directory; at !== root && isInside(root, at); at = dirname(at)) if (!removeEmptyDirectory(at)) return;
}

/** Written before a sync changes a clone, so that the next one can recover. */
export interface Journal {
	readonly version: 1;
	/** Part of git's arguments, to find its process if AgentV is killed. */
	readonly token: string;
	/** Milliseconds since 1970. */
	readonly startedAt: number;
	/** `fetch` leaves at most locks and partial objects; `work-tree` also partially changed files. */
	readonly phase: "fetch" | "work-tree";
	readonly from?: string;
	readonly to?: string;
	/** Paths that already differed from `from`. */
	readonly edits?: readonly string[];
}

function journalFile(gitDir: string): string {
	return join(gitDir, "agentv-journal.json");
}

/** An unreadable journal counts as a fetch's. */
export function readJournal(gitDir: string): Journal | undefined {
	const file = journalFile(gitDir);
	if (targetKind(file) !== "file") return undefined;
	const reading = readJson(readTextFile(file));
	const value = "value" in reading ? reading.value : undefined;
	if (typeof value === "object" && value !== null && "token" in value && "phase" in value) return value as Journal;
	return { version: 1, token: "", startedAt: 0, phase: "fetch" };
}

type JournalEntry = Omit<Journal, "version" | "token" | "startedAt">;

export function startJournal(gitDir: string, entry: JournalEntry): Journal {
	const journal: Journal = { version: 1, token: randomBytes(12).toString("hex"), startedAt: Date.now(), ...entry };
	writeNote(journalFile(gitDir), `${JSON.stringify(journal)}\n`);
	return journal;
}

/** After a failed fetch the journal is removed; after a failed work tree change it stays. */
export async function withJournal<T>(
	gitDir: string,
	entry: JournalEntry,
	work: (marked: (args: readonly string[]) => string[]) => Promise<T>,
): Promise<T> {
	const journal = startJournal(gitDir, entry);
	try {
		const result = await work((args) => ["-c", `agentv.token=${journal.token}`, ...args]);
		removeJournal(gitDir);
		return result;
	} catch (error) {
		if (journal.phase === "fetch") {
			const wasEnded = !(error instanceof GitError) || error.exitCode === null;
			if (wasEnded) await clearRemains(gitDir, journal);
			removeJournal(gitDir);
		}
		throw error;
	}
}

export function removeJournal(gitDir: string): void {
	removeFile(journalFile(gitDir));
}

async function clearRemains(gitDir: string, journal: Journal): Promise<void> {
	if (journal.token !== "") await endStrays(`agentv.token=${journal.token}`);
	// An older lock existed before: its owner can still be running.
	const since = journal.startedAt - 2000;
	const entries = listTree(gitDir, {
		filter: (path, kind) => (kind === "directory" ? /^(refs|logs)(\/|$)/.test(path) : path.endsWith(".lock")),
	});
	for (const { path, kind, mtimeMs } of entries)
		if (kind === "file" && mtimeMs >= since) removeFile(join(gitDir, path));
	removeUnfinishedObjects(gitDir, since);
}

/** Git's mode (`100644`, `100755`, `120000`, `160000`) and object. */
interface TreeSide {
	readonly mode: string;
	readonly oid: string;
}

export interface TreeChange {
	/** Relative to the repository's root, `/` between components. */
	readonly path: string;
	readonly before: TreeSide | undefined;
	readonly after: TreeSide | undefined;
}

/** Compares by path, without rename detection. Offline, one git command. */
export async function treeDiff(git: CloneGit, from: string, to: string): Promise<TreeChange[]> {
	const { stdout } = await git.local(["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", from, to, "--"]);
	const parts = stdout.split("\0");
	const changes: TreeChange[] = [];
	for (let index = 0; index + 1 < parts.length; index += 2) {
		const [before = "", after = "", oldOid = "", newOid = ""] = (parts[index] ?? "").slice(1).split(" ");
		changes.push({ path: parts[index + 1] ?? "", before: side(before, oldOid), after: side(after, newOid) });
	}
	return changes;
}

function side(mode: string, oid: string): TreeSide | undefined {
	return /^0+$/.test(mode) ? undefined : { mode, oid };
}
