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

/** What a sync is doing to a clone, written before it begins, so that the next one can put right what a killed one left. */
export interface Journal {
	readonly version: 1;
	/** In the arguments of the git that was started, so that it can be found should it outlive us. */
	readonly token: string;
	/** Milliseconds since 1970. */
	readonly startedAt: number;
	/** `fetch` leaves at most locks and unfinished objects; `work-tree` also half-changed files. */
	readonly phase: "fetch" | "work-tree";
	/** Commits between which the work tree moves; `from` is empty for one that begins with nothing. */
	readonly from?: string;
	readonly to?: string;
	/** Paths that differed from `from` before: not ours. */
	readonly edits?: readonly string[];
}

function journalFile(gitDir: string): string {
	return join(gitDir, "agentv-journal.json");
}

/** The journal that a sync left in a clone, if any. One that can't be read counts as one of a fetch. */
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
 * Writes the journal, runs `work` with the arguments that mark its git, and removes the journal when that went well. A fetch that
 * failed leaves none either; where a change of the work tree failed it stays, for whoever puts that right.
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

/** Ends the git that a killed sync left running, and removes the locks that it held and the objects that it had not finished. */
export async function clearRemains(gitDir: string, journal: Journal): Promise<void> {
	if (journal.token !== "") await endStrays(`agentv.token=${journal.token}`);
	// A lock that is older was there before us: whoever made it may still be at work.
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

/** @throws AgentvError `internal`: a caller asked for what only a journal of the work tree has */
export function workTreeSpan(journal: Journal): { readonly from: string; readonly to: string } {
	if (journal.from === undefined || journal.to === undefined)
		throw new AgentvError("internal", "the journal has no commits");
	return { from: journal.from, to: journal.to };
}
