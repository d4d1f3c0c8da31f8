import { copyFileSync, mkdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { besideName } from "./staged-files.ts";
import { pathKind, realPath, targetKind } from "./stat-path.ts";
import { syncDirectory } from "./sync-directory.ts";
import { type FileContent, stageBeside, type WriteOptions, writeTarget } from "./write-atomic.ts";

/** `null` removes the file. */
export interface FileChange extends WriteOptions {
	readonly path: string;
	readonly content: FileContent | null;
}

interface Step {
	readonly path: string;
	readonly target: string;
	/** The new content, written and synced next to the target; undefined for a removal. */
	staged?: string;
	/** The old content next to the target; undefined if there was none. */
	backup?: string;
	applied?: boolean;
}

/**
 * Writes all of the files or none: everything is staged first, then renamed into place; failures
 * are rolled back. Missing directories are created. Links are written through; a removed link is
 * itself removed. A process killed between two renames leaves each file whole, but not all of them
 * new.
 * @throws AgentvError with the file that could not be written; all files then have their old
 * content
 */
export function writeAllOrNone(changes: readonly FileChange[]): void {
	const steps: Step[] = [];
	const made: string[] = [];
	let at = "";
	try {
		for (const change of changes) {
			at = change.path;
			const target = change.content === null ? removalTarget(at) : writeTarget(at);
			if (steps.some((step) => step.target === target))
				throw new AgentvError("internal", `${at} would be written twice`);
			const step: Step = { path: at, target };
			steps.push(step);
			stage(step, change, made);
		}
		// Removals come last: if the process is killed, no content is lost that another file was to
		// receive.
		for (const step of [...steps].sort((a, b) => Number(!a.staged) - Number(!b.staged))) {
			at = step.path;
			apply(step);
		}
	} catch (error) {
		for (const step of steps.reverse()) undo(step);
		// Only empty ones are removed: files of other programs stay.
		for (const directory of made.reverse()) removeIfEmpty(directory);
		throw fileError(at, error);
	}
	for (const { backup } of steps) if (backup) rmSync(backup, { force: true });
	for (const directory of new Set(steps.map(({ target }) => dirname(target)))) syncDirectory(directory);
}

/** Returns the entry itself, even if it is a link, in its real directory. */
function removalTarget(path: string): string {
	return join(realPath(dirname(path)), basename(path));
}

function stage(step: Step, { content, mode }: FileChange, made: string[]): void {
	const { target } = step;
	if (content === null) {
		if (pathKind(target) === "directory") throw new AgentvError("config", `${step.path} is a directory, not a file`);
		return;
	}
	if (targetKind(target) === "directory") throw new AgentvError("config", `${step.path} is a directory, not a file`);
	makeDirectories(dirname(target), made);
	step.staged = stageBeside(target, content, mode === undefined ? {} : { mode });
	if (pathKind(target) === "file") {
		step.backup = stageBeside(target, "");
		copyFileSync(target, step.backup);
	}
}

function apply(step: Step): void {
	if (step.staged) renameSync(step.staged, step.target);
	else if (pathKind(step.target) !== "missing") {
		// Moved instead of deleted, so that rolling back restores the original.
		const away = besideName(step.target);
		renameSync(step.target, away);
		step.backup = away;
	}
	step.applied = true;
}

function undo({ target, staged, backup, applied }: Step): void {
	if (applied && backup) renameSync(backup, target);
	else if (applied && staged) rmSync(target, { force: true });
	else for (const path of [staged, backup]) if (path) rmSync(path, { force: true });
}

function makeDirectories(directory: string, made: string[]): void {
	if (pathKind(directory) !== "missing") return;
	makeDirectories(dirname(directory), made);
	mkdirSync(directory);
	made.push(directory);
}

function removeIfEmpty(directory: string): void {
	try {
		rmdirSync(directory);
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
}
