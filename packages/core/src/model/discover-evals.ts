import { basename, join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { globFiles } from "../io/files/glob-files.ts";
import { type DiskView, entriesOf } from "./disk-view.ts";
import { isBundle } from "./eval-scope.ts";

/** `*.eval.yaml`, `*.eval.yml`, `EVAL.yaml`, `eval.yaml`, in any letter case. */
export function isEvalName(file: string): boolean {
	return /(^|\.)eval\.ya?ml$/i.test(basename(file));
}

/**
 * Returns the eval files of command-line arguments, absolute, sorted and unique: files, directories
 * for the evals below them, globs, and `!pattern` to exclude. @throws AgentvError `not-found` for
 * an argument without matches
 */
export function discoverEvals(args: readonly string[], cwd: string, view: DiskView): string[] {
	const wanted = args.filter((arg) => !arg.startsWith("!"));
	const ignore = args.filter((arg) => arg.startsWith("!")).map((arg) => arg.slice(1));
	const found = new Set<string>();
	for (const arg of wanted) for (const file of matches(arg, cwd, ignore, view)) found.add(file);
	if (found.size === 0 && args.length > 0)
		throw new AgentvError("not-found", "the ! patterns exclude every eval", {
			hint: "remove one of them",
		});
	return [...found].sort();
}

function matches(arg: string, cwd: string, ignore: readonly string[], view: DiskView): string[] {
	const path = resolve(cwd, arg);
	const kind = view.kind(path);
	if (kind === "file") return without([path], cwd, ignore);
	if (kind === "missing" && !/[*?[\]{}]/.test(arg))
		throw new AgentvError("not-found", `${arg} does not exist`, { hint: "name an eval file, a directory or a glob" });
	const found = kind === "directory" ? evalsBelow(path, view) : evalsAmong(globFiles(arg, cwd));
	if (found.length === 0)
		throw new AgentvError("not-found", kind === "directory" ? `${arg} contains no eval` : `${arg} matches no eval`, {
			hint: "evals are named *.eval.yaml, *.eval.yml, EVAL.yaml or eval.yaml",
		});
	return without(found, cwd, ignore);
}

/**
 * Returns every eval file below `directory` by name; `.git`, `node_modules` and links to
 * directories are not entered. A bundle is one eval, whatever its template and scripts contain.
 */
export function evalsBelow(directory: string, view: DiskView): string[] {
	const found: string[] = [];
	const waiting = [directory];
	for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
		if (isBundle(at, view)) {
			found.push(join(at, "eval.yaml"));
			continue;
		}
		for (const [name, kind] of entriesOf(view, at)) {
			const path = join(at, name);
			if (kind === "directory") {
				if (name !== ".git" && name !== "node_modules") waiting.push(path);
			} else if (isEvalName(name) && view.kind(path) === "file") found.push(path);
		}
	}
	return found;
}

/**
 * Returns the evals among a glob's matches: files with eval names; if there are none, every YAML
 * and JSONL file, as the author probably meant, but never a targets file.
 */
function evalsAmong(files: readonly string[]): string[] {
	const named = files.filter((file) => isEvalName(file));
	if (named.length > 0) return named;
	return files.filter(
		(file) => /\.(ya?ml|jsonl)$|(^|\/)evals\.json$/i.test(file) && !/(^|\/)(targets|config)\.ya?ml$/i.test(file),
	);
}

/** `!pattern` arguments may exclude everything on purpose. */
function without(files: readonly string[], cwd: string, ignore: readonly string[]): string[] {
	if (ignore.length === 0) return [...files];
	const removed = ignore.flatMap((pattern) => [pattern, `${pattern}/**`].flatMap((glob) => globFiles(glob, cwd)));
	const gone = new Set(removed);
	return files.filter((file) => !gone.has(file));
}
