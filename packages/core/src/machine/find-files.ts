import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { pathGlob } from "../lib/glob.ts";
import {
	atPath,
	compareByBytes,
	directoryEntries,
	errnoCode,
	fileError,
	ifPossible,
	kindOf,
	type PathKind,
	yielding,
} from "./files.ts";

export interface FindOptions {
	/** Default 20,000. */
	readonly maxDirectories?: number | undefined;
	/** Not entered, as `.git` and `node_modules`. */
	readonly skip?: string;
	readonly signal?: AbortSignal | undefined;
}

export interface FoundFiles {
	/** Relative to the root, `/` between components, sorted. */
	readonly files: readonly string[];
	/** Whether the limit of directories was reached. */
	readonly cut: boolean;
}

const neverEntered: ReadonlySet<string> = new Set([".git", "node_modules"]);

/**
 * Finds files and links whose name `wanted` accepts, nearest directories first. Doesn't follow
 * links, enter `.git` or `node_modules`, or fail on unreadable directories. Bounded and
 * cooperative: safe for a home directory.
 * @throws AgentvError `interrupted`
 */
export async function findFiles(
	root: string,
	wanted: (name: string) => boolean,
	{ maxDirectories = 20_000, skip, signal }: FindOptions = {},
): Promise<FoundFiles> {
	const files: string[] = [];
	const directories = [""];
	const nextTurn = yielding("searching files", signal);
	let looked = 0;
	for (; looked < directories.length && looked < maxDirectories; looked++) {
		await nextTurn();
		const directory = directories[looked] as string;
		for (const entry of entriesOf(join(root, directory))) {
			const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
			if (entry.isDirectory()) {
				if (!neverEntered.has(entry.name) && entry.name !== skip) directories.push(path);
			} else if (wanted(entry.name)) files.push(path);
		}
	}
	return { files: files.sort(), cut: looked < directories.length };
}

const passedBy = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG"];

function entriesOf(directory: string): Dirent[] {
	try {
		return readdirSync(directory, { withFileTypes: true });
	} catch (error) {
		// Removed meanwhile or not readable: list what is visible.
		if (passedBy.includes(errnoCode(error) ?? "")) return [];
		throw error;
	}
}

interface GlobOptions {
	/** Relative to the directory. A matching directory is not entered. */
	readonly ignore?: readonly string[];
	/** Remaining directory entries; several searches can share it. Default: no limit. */
	readonly budget?: GlobBudget | undefined;
}

export interface GlobBudget {
	left: number;
}

/**
 * Returns regular files, absolute and sorted. Links are not followed, `.git` and `node_modules` not
 * entered. Only directories that can contain a match are read.
 * @throws AgentvError `usage` for an invalid pattern (see `pathGlob`), or if the budget is exceeded
 */
export function globFiles(pattern: string, directory: string, options: GlobOptions = {}): string[] {
	const { base, rest } = splitGlob(pattern);
	if (rest === "") return [];
	const root = resolve(directory, base);
	const ignored = (options.ignore ?? [])
		.filter((pattern) => pattern !== "")
		.map((pattern) => pathGlob(normalized(pattern)));
	const isIgnored = (path: string): boolean => {
		const below = relative(directory, path).split(sep).join("/");
		return ignored.some((glob) => glob.isMatch(glob.read(glob.start, below)));
	};
	if (leadsToSkipped(root, directory, isIgnored)) return [];
	const glob = pathGlob(rest);
	const budget = options.budget ?? { left: Number.POSITIVE_INFINITY };
	const files: string[] = [];
	const waiting = [{ place: root, state: glob.start }];
	for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
		for (const [name, kind] of directoryEntries(at.place) ?? []) {
			if (budget.left-- <= 0) throw searchesTooMuch(pattern);
			if (kind === "link" || neverEntered.has(name)) continue;
			const state = glob.read(at.state, name);
			const path = join(at.place, name);
			if (state.length === 0 || isIgnored(path)) continue;
			if (kind === "file" && glob.isMatch(state)) files.push(path);
			const inner = kind === "directory" ? glob.read(state, "/") : [];
			if (inner.length > 0) waiting.push({ place: path, state: inner });
		}
	}
	return files.sort();
}

function searchesTooMuch(pattern: string): AgentvError {
	const hint = "Start it with the directory to search.";
	return new AgentvError("usage", `the pattern ${JSON.stringify(pattern)} searches too many files`, { hint });
}

function leadsToSkipped(root: string, directory: string, isIgnored: (path: string) => boolean): boolean {
	let at = directory;
	for (const name of relative(directory, root).split(sep)) {
		at = join(at, name);
		if (neverEntered.has(name) || (name !== "" && name !== ".." && isIgnored(at))) return true;
	}
	return false;
}

/** Splits at the first component with a wildcard; `base` is a path with escapes resolved. */
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

export interface TreeEntry {
	/** Relative to the root, `/` between components. */
	readonly path: string;
	readonly kind: Exclude<PathKind, "missing">;
	/** Bytes; for a link the length of its text. */
	readonly size: number;
	/** Permission bits: `0o755`. */
	readonly mode: number;
	/** Set for a setuid, setgid or sticky file. */
	readonly isSpecial?: true;
	readonly mtimeMs: number;
	readonly target?: string;
}

export interface ListOptions {
	/** An excluded directory is not entered. */
	readonly filter?: ((path: string, kind: TreeEntry["kind"]) => boolean) | undefined;
	/** Only at the top level. Default false. */
	readonly skipGit?: boolean | undefined;
}

/** A directory comes before its contents. @throws AgentvError if inaccessible, or not UTF-8 */
export function* walkTree(root: string, options: ListOptions = {}): Generator<TreeEntry> {
	yield* walk(root, "", options);
}

/** In byte order of the paths. */
export function listTree(root: string, options: ListOptions = {}): TreeEntry[] {
	return [...walkTree(root, options)].sort((left, right) => compareByBytes(left.path, right.path));
}

function* walk(root: string, directory: string, options: ListOptions): Generator<TreeEntry> {
	const place = directory === "" ? root : join(root, directory);
	for (const name of atPath(place, () => readdirSync(place).sort(compareByBytes))) {
		if (options.skipGit && directory === "" && name === ".git") continue;
		const path = directory === "" ? name : `${directory}/${name}`;
		const entry = look(join(root, path), path);
		if (options.filter && !options.filter(path, entry.kind)) continue;
		yield entry;
		if (entry.kind === "directory") yield* walk(root, path, options);
	}
}

function look(absolute: string, path: string): TreeEntry {
	try {
		const stat = lstatSync(absolute);
		const kind = kindOf(stat);
		const entry = { path, kind, size: stat.size, mode: stat.mode & 0o777, mtimeMs: stat.mtimeMs };
		if (kind === "file" && (stat.mode & 0o7000) !== 0) return { ...entry, isSpecial: true };
		return kind === "link" ? { ...entry, target: readlinkSync(absolute) } : entry;
	} catch (error) {
		if (errnoCode(error) === "ENOENT" && path.includes("\ufffd")) {
			throw new AgentvError("config", `${absolute}: the file's name is not UTF-8`, { cause: error });
		}
		throw fileError(absolute, error);
	}
}

/** Skips unreadable entries; `cut` if the time was over. @throws AgentvError `interrupted` */
export async function treeSize(
	root: string,
	{ timeMs = Number.POSITIVE_INFINITY, signal }: { timeMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<{ readonly bytes: number; readonly files: number; readonly cut: boolean }> {
	const until = performance.now() + timeMs;
	const nextTurn = yielding("measuring sizes", signal);
	let bytes = 0;
	let files = 0;
	const waiting = [root];
	for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
		await nextTurn();
		if (performance.now() > until) return { bytes, files, cut: true };
		const stat = ifPossible(() => lstatSync(path, { throwIfNoEntry: false }));
		if (!stat) continue;
		if (stat.isDirectory())
			waiting.push(...[...(directoryEntries(path)?.keys() ?? [])].map((name) => join(path, name)));
		else {
			bytes += stat.size;
			files += 1;
		}
	}
	return { bytes, files, cut: false };
}

/** Like `listTree`, for a single path, which remains as given. */
export function listEntry(path: string): TreeEntry {
	return look(path, path);
}

export function emptyDirectories(entries: readonly TreeEntry[]): string[] {
	const filled = new Set<string>();
	for (const { path } of entries) {
		const slash = path.lastIndexOf("/");
		if (slash > 0) filled.add(path.slice(0, slash));
	}
	return entries.flatMap(({ kind, path }) => (kind === "directory" && !filled.has(path) ? [path] : []));
}
