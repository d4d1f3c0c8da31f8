import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { safeName } from "../base/slug.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { isLocked, isLockName } from "../io/files/lock.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { moveIntoPlace } from "../io/files/move-into-place.ts";
import { writeOwnFile } from "../io/files/own-files.ts";
import { readBytes, readTextFile } from "../io/files/read-text.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { isStagedName, stagedState, sweepStagedFiles } from "../io/files/staged-files.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { removeFile } from "../io/files/write-note.ts";
import { digestName, signatureName } from "../model/run-digest.ts";

/** Where a run's records go. */
export interface RunDirectory {
	/** Absolute. */
	readonly path: string;
	/** Whether it holds the run that is to be resumed. */
	readonly resumes: boolean;
}

/** What is written to, by what it must be: a link leads elsewhere, a pipe is never written to, and a file holds no attempts. */
const written = [
	["tests", "directory"],
	...["run.json", "index.jsonl", "summary.json", "logs.json", digestName, signatureName].map(
		(name) => [name, "file"] as const,
	),
] as const;
/** What a run can't be resumed without, or would be run again for. */
const needed = ["run.json", "tests"];

/**
 * Makes the directory of a run that the user named. One that holds a run is taken only to resume it, one that holds anything else never;
 * what a run left that was killed before it had begun is nothing.
 * @throws AgentvError `config`
 */
export function claimNamed(path: string, resume: boolean): RunDirectory {
	const kind = targetKind(path);
	if (kind !== "missing" && kind !== "directory") throw new AgentvError("config", `${path} is not a directory`);
	const holdsRun = pathKind(join(path, "run.json")) !== "missing";
	if (holdsRun && !resume)
		throw new AgentvError("config", `${path} already contains a run`, {
			hint: "Resume it with --resume, or choose another directory.",
		});
	sweepStagedFiles(path);
	for (const { name, kind, found } of misplaced(path)) {
		if (holdsRun && !needed.includes(name)) continue;
		const what = found === "other" ? `not a ${kind}` : `a ${found}, not a ${kind}`;
		throw new AgentvError("config", `${join(path, name)} is ${what}`, {
			hint: "A run only writes to regular files and directories: remove this one, or choose another directory.",
		});
	}
	if (holdsRun) return { path: realPath(path), resumes: true };
	if (!isUnbegun(path))
		throw new AgentvError("config", `${path} is not empty and does not contain a run`, {
			hint: "Choose a new or empty directory.",
		});
	makeDirectories(path);
	ignoreAll(path);
	return { path: realPath(path), resumes: false };
}

function misplaced(directory: string) {
	return written
		.map(([name, kind]) => ({ name, kind, found: pathKind(join(directory, name)) }))
		.filter(({ kind, found }) => found !== "missing" && found !== kind);
}

/**
 * Makes way for the records of a run that is resumed: what is in their place and holds nothing (links, pipes, empty directories) is removed,
 * anything else is moved out of the run's directory, next to it. An index that is a link is replaced by what it points to.
 * @returns what was done, each as a sentence without a full stop
 */
export function makeWay(directory: string): string[] {
	return misplaced(directory).map(({ name, kind, found }) => {
		const path = join(directory, name);
		const what = `${path} was ${found === "other" ? `not a ${kind}` : `a ${found}, not a ${kind}`}`;
		if (name === "index.jsonl" && found === "link" && targetKind(path) === "file") {
			const content = readBytes(path, { maxBytes: 2 ** 29 });
			removeFile(path);
			writeAtomic(path, content, { noFollow: true });
			return `${what}: it was replaced with its target`;
		}
		if (found === "directory" && !removeEmptyDirectory(path)) {
			const aside = freeName(`${directory}.${name}`);
			moveIntoPlace(path, aside);
			return `${what}: it was moved to ${aside}`;
		}
		if (found !== "directory") removeFile(path);
		return `${what}: it was removed`;
	});
}

function freeName(path: string): string {
	let free = path;
	for (let number = 2; pathKind(free) !== "missing"; number += 1) free = `${path}-${number}`;
	return free;
}

/** Returns whether a run can begin in a directory: it is missing or empty, or holds only what a run leaves that was killed as it began. */
export function isUnbegun(directory: string): boolean {
	return (
		["missing", "directory"].includes(targetKind(directory)) &&
		listDirectory(directory).every((name) => isOfBeginning(join(directory, name), name))
	);
}

function isOfBeginning(path: string, name: string): boolean {
	if (isLockName(name) || isStagedName(name)) return pathKind(path) === "file";
	switch (name) {
		case ".gitignore":
			return pathKind(path) === "file" && ["", ignoresAll].includes(readTextFile(path));
		// Earlier versions made these before `run.json`.
		case "tests":
			return pathKind(path) === "directory" && listDirectory(path).length === 0;
		case "index.jsonl":
			return pathKind(path) === "file" && listEntry(path).size === 0;
		default:
			return false;
	}
}

/** Makes a new directory `<root>/<experiment>/<time>`; a time that is taken gets a number. */
export function claimNew(root: string, experiment: string, time: Date, results: string): RunDirectory {
	makeDirectories(results);
	ignoreAll(results);
	const parent = join(root, experimentFolder(experiment));
	makeDirectories(parent);
	removeUnbegun(parent);
	const stamp = time
		.toISOString()
		.replaceAll(":", "-")
		.replace(/\.\d+Z$/, "Z");
	for (let number = 1; ; number++) {
		const path = join(parent, number === 1 ? stamp : `${stamp}-${number}`);
		if (makeDirectories(path)) return { path: realPath(path), resumes: false };
	}
}

/** The experiment's folder: its name where that is a plain one, else one derived from it. */
export function experimentFolder(experiment: string): string {
	return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(experiment) ? experiment : safeName(experiment);
}

/** Removes what killed runs left of their beginning, but nothing that another process may be about to begin. */
function removeUnbegun(parent: string): void {
	for (const name of listDirectory(parent)) {
		const path = join(parent, name);
		if (!/^\d{4}-\d\d-\d\dT/.test(name) || pathKind(path) !== "directory" || !isUnbegun(path)) continue;
		const inner = listDirectory(path);
		const hasOwner = inner.some((one) => isLockName(one) || stagedState(join(path, one)) === "left");
		if (inner.length === 0 && Date.now() - listEntry(path).mtimeMs > beginningMs) removeEmptyDirectory(path);
		if (!hasOwner || isLocked(path, { lockDirectory: path })) continue;
		for (const one of inner) if (pathKind(join(path, one)) === "file") removeFile(join(path, one));
		removeEmptyDirectory(join(path, "tests"));
		removeEmptyDirectory(path);
	}
}

/** A process takes the lock of a directory a moment after it made it. */
const beginningMs = 60_000;
const ignoresAll = "*\n";

/** Results never make a repository dirty. */
function ignoreAll(directory: string): void {
	const file = join(directory, ".gitignore");
	// A process that was killed may have left it empty.
	if (pathKind(file) === "missing" || (pathKind(file) === "file" && listEntry(file).size === 0))
		writeOwnFile(file, ignoresAll);
}
