import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { type PathGlob, pathGlob } from "../../base/path-glob.ts";
import { directoryEntries } from "./directory-entries.ts";

export interface GlobOptions {
	/** Patterns to exclude, relative to the directory. A matching directory is not entered. */
	readonly ignore?: readonly string[];
	/** Remaining directory entries to visit; can be shared by several searches. Default: no limit. */
	readonly budget?: GlobBudget | undefined;
}

export interface GlobBudget {
	left: number;
}

const neverEntered: ReadonlySet<string> = new Set([".git", "node_modules"]);

/**
 * Returns the regular files below `directory` that match `pattern`, absolute and sorted. Links are
 * not followed, and `.git` and
 * `node_modules` not entered. Only directories that can contain a match are read.
 * @throws AgentvError `usage` for an invalid pattern (see `pathGlob`), or if the budget is exceeded
 */
export function globFiles(pattern: string, directory: string, options: GlobOptions = {}): string[] {
	const { base, rest } = splitGlob(pattern);
	if (rest === "") return [];
	const root = resolve(directory, base);
	const ignored = (options.ignore ?? []).filter((one) => one !== "").map((one) => pathGlob(normalized(one)));
	const isIgnored = (path: string): boolean => {
		const below = relative(directory, path).split(sep).join("/");
		return ignored.some((glob) => glob.isMatch(glob.read(glob.start, below)));
	};
	if (leadsToSkipped(root, directory, isIgnored)) return [];
	const search = new Search(pathGlob(rest), pattern, options.budget ?? { left: Number.POSITIVE_INFINITY }, isIgnored);
	search.enter(root);
	return search.found.sort();
}

/** Returns whether a directory between `directory` and `root` would not be entered. */
function leadsToSkipped(root: string, directory: string, isIgnored: (path: string) => boolean): boolean {
	let at = directory;
	for (const name of relative(directory, root).split(sep)) {
		at = join(at, name);
		if (neverEntered.has(name) || (name !== "" && name !== ".." && isIgnored(at))) return true;
	}
	return false;
}

/** Splits a glob at its first component with a wildcard; `base` is a path with escapes resolved. */
export function splitGlob(pattern: string): { readonly base: string; readonly rest: string } {
	const parts = normalized(pattern).split("/");
	const wild = parts.findIndex((part) => /[*?[\]{}()]/.test(part.replace(/\\./gs, "")));
	const fixed = parts.slice(0, wild === -1 ? parts.length - 1 : wild);
	const base = fixed.join("/").replace(/\\(.)/gs, "$1");
	return { base: base === "" && isAbsolute(pattern) ? "/" : base, rest: parts.slice(fixed.length).join("/") };
}

function normalized(pattern: string): string {
	return posix.normalize(pattern).replace(/(?<=.)\/$/, "");
}

class Search {
	readonly found: string[] = [];
	readonly #glob: PathGlob;
	readonly #isIgnored: (path: string) => boolean;
	readonly #pattern: string;
	readonly #budget: GlobBudget;

	constructor(glob: PathGlob, pattern: string, budget: GlobBudget, isIgnored: (path: string) => boolean) {
		this.#glob = glob;
		this.#pattern = pattern;
		this.#budget = budget;
		this.#isIgnored = isIgnored;
	}

	enter(directory: string): void {
		const waiting = [{ directory, state: this.#glob.start }];
		for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
			for (const [name, kind] of directoryEntries(at.directory) ?? []) {
				this.#count();
				if (kind === "link" || neverEntered.has(name)) continue;
				const state = this.#glob.read(at.state, name);
				if (state.length === 0) continue;
				const path = join(at.directory, name);
				if (this.#isIgnored(path)) continue;
				if (kind === "file" && this.#glob.isMatch(state)) this.found.push(path);
				const inner = kind === "directory" ? this.#glob.read(state, "/") : [];
				if (inner.length > 0) waiting.push({ directory: path, state: inner });
			}
		}
	}

	#count(): void {
		if (this.#budget.left-- > 0) return;
		throw new AgentvError("usage", `the pattern ${JSON.stringify(this.#pattern)} searches too many files`, {
			hint: "Start it with the directory to search.",
		});
	}
}
