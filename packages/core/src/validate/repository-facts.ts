import { join, relative, sep } from "node:path";
import type { DocumentPath } from "../lib/errors.ts";
import { findSecrets } from "../lib/redact.ts";
import { isSecretField, looksRandom } from "../lib/secret-shapes.ts";
import { scanReferences } from "../lib/template-text.ts";
import type { Environment } from "../machine/environment.ts";
import { localGitSync } from "../machine/git.ts";
import { GitError } from "../machine/git-error.ts";
import { foreignRepository, repositoryRoot, trackedFilesSync } from "../machine/git-repository.ts";

/** Facts about a repository for all evals in it. */
export interface RepositoryFacts {
	readonly root: string;
	/** The commit of HEAD; undefined before the first one. */
	readonly head: string | undefined;
	/** Returns the git state of a file or directory of the work tree. */
	state(path: string): FileState;
	/** Returns files at or below `path` that differ from HEAD or are untracked; absolute. */
	changed(path: string): readonly string[];
}

/** `outside`: not in this repository, or in a nested one. */
type FileState = "tracked" | "untracked" | "ignored" | "outside";

/** Returns facts about the repository of a directory; undefined without one, or without git. */
export function repositoryFacts(
	directory: string,
	{ env, repositories }: { env: Environment; repositories: Map<string, RepositoryFacts | undefined> },
): RepositoryFacts | undefined {
	const root = repositoryRoot(directory);
	if (root === undefined) return undefined;
	if (!repositories.has(root)) repositories.set(root, inspect(root, env));
	return repositories.get(root);
}

/** Two git calls for any number of evals. */
function inspect(root: string, env: Environment): RepositoryFacts | undefined {
	try {
		const options = { env, ...foreignRepository(root, env) };
		return facts(root, trackedFilesSync(root, options), localGitSync(root, status, options).stdout);
	} catch (error) {
		// Without git, or if git refuses the repository (another owner), continue without these facts.
		if (error instanceof GitError) return undefined;
		throw error;
	}
}

const status = [
	...["status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-z"],
	...["--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"],
];

/** @param output of `git status` */
function facts(root: string, trackedFiles: readonly string[], output: string): RepositoryFacts {
	const [untrackedFiles, changedFiles]: [string[], string[]] = [[], []];
	let head: string | undefined;
	for (const line of output.split("\0")) {
		if (line.startsWith("? ")) untrackedFiles.push(line.slice(2));
		else if (line.startsWith("# branch.oid ")) head = /(?<![0-9a-f])[0-9a-f]{40,}$/.exec(line)?.[0];
		// Eight fields, then the path; ten for a conflict.
		else if (line.startsWith("1 ")) changedFiles.push(line.replace(/^(\S* ){8}/, ""));
		else if (line.startsWith("u ")) changedFiles.push(line.replace(/^(\S* ){10}/, ""));
	}
	const tracked = new Tree(trackedFiles);
	const added = new Tree(untrackedFiles);
	const changed = new Tree([...untrackedFiles, ...changedFiles]);
	const inside = (path: string) =>
		path.startsWith(`${root}/`) && !path.includes("..")
			? path.slice(root.length + 1)
			: relative(root, path).split(sep).join("/");
	return {
		root,
		head,
		state(path) {
			const name = inside(path);
			if (name === ".." || name.startsWith("../") || name.startsWith("/") || tracked.holdsAbove(name)) return "outside";
			if (name === "" || tracked.has(name)) return "tracked";
			return added.has(name) ? "untracked" : "ignored";
		},
		changed: (path) => changed.below(inside(path)).map((name) => join(root, name)),
	};
}

/** Sorted file names of a repository, for queries about directories. */
class Tree {
	readonly #names: readonly string[];
	readonly #set: ReadonlySet<string>;

	constructor(names: readonly string[]) {
		this.#names = [...names].sort();
		this.#set = new Set(names);
	}

	/** Returns whether it has the file, or a file below the directory. */
	has(name: string): boolean {
		if (this.#set.has(name)) return true;
		return this.#names[this.#first(`${name}/`)]?.startsWith(`${name}/`) ?? false;
	}

	/** Returns whether a parent directory of `name` is itself an entry: a submodule. */
	holdsAbove(name: string): boolean {
		for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1))
			if (this.#set.has(name.slice(0, end))) return true;
		return false;
	}

	/** Returns the entry `name`, and those below it. */
	below(name: string): string[] {
		if (name === "") return [...this.#names];
		const found = this.#set.has(name) ? [name] : [];
		for (let index = this.#first(`${name}/`); this.#names[index]?.startsWith(`${name}/`); index++)
			found.push(this.#names[index] as string);
		return found;
	}

	#first(name: string): number {
		let low = 0;
		let high = this.#names.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#names[middle] as string) < name) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

/**
 * Yields the settings with a secret, and their paths, in a value as written, including `${{ }}`.
 * Never yields the secrets themselves.
 */
export function* literalSecrets(
	value: unknown,
	path: DocumentPath = [],
): Generator<{ readonly field: string; readonly path: DocumentPath }> {
	if (typeof value === "object" && value !== null) {
		for (const [key, item] of Object.entries(value))
			yield* literalSecrets(item, [...path, Array.isArray(value) ? Number(key) : key]);
		return;
	}
	if (typeof value !== "string" || value.length < 8) return;
	const field = path.findLast((key) => typeof key === "string");
	if (typeof field === "string" && isWrittenOut(value, field)) yield { field, path };
}

function isWrittenOut(value: string, field: string): boolean {
	const isNamed = isSecretField(field);
	const references = scanReferences(value).filter(({ kind }) => kind === "reference");
	if (references.length === 0) return isNamed || findSecrets(value).length > 0;
	// Text around variables, and their defaults.
	let plain = "";
	let end = 0;
	for (const { range } of references) {
		plain += value.slice(end, range[0]);
		end = range[1];
	}
	plain += value.slice(end);
	const defaults = references.flatMap((token) =>
		"defaultText" in token && token.defaultText ? [token.defaultText] : [],
	);
	return [plain, ...defaults].some(
		(text) => findSecrets(text).length > 0 || (isNamed && isLong(text) && looksRandom(text)),
	);
}

/** `not-needed` is a common dummy key for local servers, not a secret. */
function isLong(text: string): boolean {
	return text.length >= 16 && !/\s/.test(text);
}
