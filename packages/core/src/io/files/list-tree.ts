import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { compareByBytes } from "./path-order.ts";

export interface TreeEntry {
	/** Relative to the root, `/` between components. */
	readonly path: string;
	readonly kind: "file" | "directory" | "link" | "other";
	/** Bytes; the length of its text for a link. */
	readonly size: number;
	/** Permission bits, `0o755`. */
	readonly mode: number;
	/** Set for a setuid, setgid or sticky file. */
	readonly isSpecial?: true;
	/** Milliseconds since 1970. */
	readonly mtimeMs: number;
	/** Only for links. */
	readonly target?: string;
}

export interface ListOptions {
	/** Returns false to exclude an entry; an excluded directory is not entered. */
	readonly filter?: ((path: string, kind: TreeEntry["kind"]) => boolean) | undefined;
	/** Skips `.git` at the top level. Default false. */
	readonly skipGit?: boolean | undefined;
}

/**
 * Yields everything below `root` (a directory), links not followed, each directory before its
 * contents.
 * @throws AgentvError if an entry is inaccessible, or its name is not UTF-8
 */
export function* walkTree(root: string, options: ListOptions = {}): Generator<TreeEntry> {
	yield* walk(root, "", options);
}

/** Returns `walkTree` as a list in byte order of the paths. */
export function listTree(root: string, options: ListOptions = {}): TreeEntry[] {
	return [...walkTree(root, options)].sort((left, right) => compareByBytes(left.path, right.path));
}

function* walk(root: string, directory: string, options: ListOptions): Generator<TreeEntry> {
	for (const name of namesIn(directory === "" ? root : join(root, directory))) {
		if (options.skipGit && directory === "" && name === ".git") continue;
		const path = directory === "" ? name : `${directory}/${name}`;
		const entry = look(root, path);
		if (options.filter && !options.filter(path, entry.kind)) continue;
		yield entry;
		if (entry.kind === "directory") yield* walk(root, path, options);
	}
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory).sort(compareByBytes);
	} catch (error) {
		throw fileError(directory, error);
	}
}

function look(root: string, path: string): TreeEntry {
	const absolute = join(root, path);
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

function kindOf(stat: Stats): TreeEntry["kind"] {
	if (stat.isFile()) return "file";
	if (stat.isDirectory()) return "directory";
	return stat.isSymbolicLink() ? "link" : "other";
}
