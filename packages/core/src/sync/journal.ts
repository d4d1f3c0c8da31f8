import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { listTree } from "../io/files/list-tree.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { removeFile, writeNote } from "../io/files/write-note.ts";
import { GitError } from "../io/git/git-error.ts";
import { removeUnfinishedObjects } from "../io/git/unfinished-objects.ts";
import { endStrays } from "../io/process/end-strays.ts";

/** Written before a sync changes a clone, so that the next one can recover. */
export interface Journal {
	readonly version: 1;
	/** In git's arguments, to find its process if it outlives us. */
	readonly token: string;
	/** Milliseconds since 1970. */
	readonly startedAt: number;
	/** `fetch` leaves at most locks and partial objects; `work-tree` also partially changed files. */
	readonly phase: "fetch" | "work-tree";
	/** Commits of a work tree change; `from` is empty for an initial one. */
	readonly from?: string;
	readonly to?: string;
	/** Paths that already differed from `from`. */
	readonly edits?: readonly string[];
}

function journalFile(gitDir: string): string {
	return join(gitDir, "agentv-journal.json");
}

/** Reads the journal that a sync left in a clone. An unreadable one counts as a fetch's. */
export function readJournal(gitDir: string): Journal | undefined {
	const file = journalFile(gitDir);
	if (targetKind(file) !== "file") return undefined;
	const value = parsed(readTextFile(file));
	if (typeof value === "object" && value !== null && "token" in value && "phase" in value) return value as Journal;
	return { version: 1, token: "", startedAt: 0, phase: "fetch" };
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/**
 * Writes the journal, runs `work` with git arguments that contain its mark, and removes the journal
 * on success or after a failed fetch. After a failed work tree change it stays for recovery.
 */
export async function withJournal<T>(
	gitDir: string,
	entry: Omit<Journal, "version" | "token" | "startedAt">,
	work: (marked: (args: readonly string[]) => string[]) => Promise<T>,
): Promise<T> {
	const journal: Journal = { version: 1, token: randomBytes(12).toString("hex"), startedAt: Date.now(), ...entry };
	writeJournal(gitDir, journal);
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

export function writeJournal(gitDir: string, journal: Journal): void {
	writeNote(journalFile(gitDir), `${JSON.stringify(journal)}\n`);
}

export function removeJournal(gitDir: string): void {
	removeFile(journalFile(gitDir));
}

/** Ends the git that a killed sync left running, and removes its locks and partial objects. */
export async function clearRemains(gitDir: string, journal: Journal): Promise<void> {
	if (journal.token !== "") await endStrays(`agentv.token=${journal.token}`);
	// An older lock existed before: its owner can still be running.
	const since = journal.startedAt - 2000;
	const isLock = (path: string) => path.endsWith(".lock");
	const ownPlaces = /^(refs|logs)(\/|$)/;
	const entries = listTree(gitDir, {
		filter: (path, kind) => (kind !== "directory" ? isLock(path) : ownPlaces.test(path)),
	});
	for (const { path, kind, mtimeMs } of entries) {
		if (kind === "file" && mtimeMs >= since) removeFile(join(gitDir, path));
	}
	removeUnfinishedObjects(gitDir, since);
}

/** @throws AgentvError `internal` if it is not a work tree's journal */
export function workTreeSpan(journal: Journal): { readonly from: string; readonly to: string } {
	if (journal.from === undefined || journal.to === undefined)
		throw new AgentvError("internal", "the journal has no commits");
	return { from: journal.from, to: journal.to };
}
