import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { safeName } from "../base/slug.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { writeOwnFile } from "../io/files/own-files.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";

/** Where a run's records go. */
export interface RunDirectory {
	/** Absolute. */
	readonly path: string;
	/** Whether it holds the run that is to be resumed. */
	readonly resumes: boolean;
}

/**
 * Makes the directory of a run that the user named. One that holds a run is taken only to resume it, one that holds anything else never.
 * @throws AgentvError `config`
 */
export function claimNamed(path: string, resume: boolean): RunDirectory {
	const kind = targetKind(path);
	if (kind !== "missing" && kind !== "directory") throw new AgentvError("config", `${path} is not a directory`);
	const holdsRun = pathKind(join(path, "run.json")) !== "missing";
	if (holdsRun && !resume)
		throw new AgentvError("config", `${path} already holds a run`, {
			hint: "Go on with it by --resume, or name another directory.",
		});
	if (holdsRun) return { path: realPath(path), resumes: true };
	if (resume) throw new AgentvError("not-found", `${path} holds no run to resume`);
	const left = listDirectory(path).filter((name) => !isOurs(name));
	if (left.length > 0)
		throw new AgentvError("config", `${path} is not empty and holds no run`, {
			hint: "Name a new or empty directory.",
		});
	makeDirectories(path);
	ignoreAll(path);
	return { path: realPath(path), resumes: false };
}

/** What a run leaves before its `run.json` is there. */
function isOurs(name: string): boolean {
	return (
		name === ".gitignore" ||
		name === "tests" ||
		name === "index.jsonl" ||
		name.endsWith(".lock") ||
		name.endsWith(".tmp")
	);
}

/** Makes a new directory `<root>/<experiment>/<time>`; a time that is taken gets a number. */
export function claimNew(root: string, experiment: string, time: Date, results: string): RunDirectory {
	makeDirectories(results);
	ignoreAll(results);
	const parent = join(root, experimentFolder(experiment));
	makeDirectories(parent);
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

/** Results never make a repository dirty. */
function ignoreAll(directory: string): void {
	const file = join(directory, ".gitignore");
	if (pathKind(file) === "missing") writeOwnFile(file, "*\n");
}
