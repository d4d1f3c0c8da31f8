import { basename, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { globFiles } from "../io/files/glob-files.ts";
import type { DiskView } from "./disk-view.ts";

/** Names that make a file an eval without being named: `*.eval.yaml`, `*.eval.yml`, `EVAL.yaml`, `eval.yaml`. */
export const evalPatterns = ["**/*.eval.yaml", "**/*.eval.yml", "**/eval.yaml", "**/eval.yml"];

/** True where a directory search would find `file`. */
export function isEvalName(file: string): boolean {
	return /(^|\.)eval\.ya?ml$/i.test(basename(file));
}

/**
 * The eval files that command-line arguments name, absolute, sorted and without repeats: files as they are, directories
 * for those below them, globs, and `!pattern` to subtract. Throws `AgentvError` `not-found` for an argument that matches nothing.
 */
export function discoverEvals(args: readonly string[], cwd: string, view: DiskView): string[] {
	const wanted = args.filter((arg) => !arg.startsWith("!"));
	const ignore = args.filter((arg) => arg.startsWith("!")).map((arg) => arg.slice(1));
	const found = new Set<string>();
	for (const arg of wanted) for (const file of matches(arg, cwd, ignore, view)) found.add(file);
	return [...found].sort();
}

function matches(arg: string, cwd: string, ignore: readonly string[], view: DiskView): string[] {
	const path = resolve(cwd, arg);
	const kind = view.kind(path);
	if (kind === "file") return ignore.length > 0 && globFiles(arg, cwd, { ignore }).length === 0 ? [] : [path];
	const isGlob = kind === "missing" && /[*?[\]{}]/.test(arg);
	if (kind === "missing" && !isGlob)
		throw new AgentvError("not-found", `${arg} does not exist`, { hint: "name an eval file, a directory or a glob" });
	const files =
		kind === "directory" ? globFiles(evalPatterns, path, { ignoreCase: true }) : globFiles(arg, cwd, { ignore });
	const kept = kind === "directory" && ignore.length > 0 ? without(files, cwd, ignore) : files;
	if (kept.length > 0) return kept;
	throw new AgentvError("not-found", kind === "directory" ? `${arg} holds no eval` : `${arg} matches no file`, {
		hint: "evals are named *.eval.yaml, *.eval.yml, EVAL.yaml or eval.yaml",
	});
}

function without(files: readonly string[], cwd: string, ignore: readonly string[]): string[] {
	const removed = new Set(globFiles(ignore, cwd));
	return files.filter((file) => !removed.has(file));
}
