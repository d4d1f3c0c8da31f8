import { lstatSync, readlinkSync } from "node:fs";
import { fileError } from "./file-error.ts";
import type { TreeEntry } from "./list-tree.ts";

/** Returns a single path as `listTree` would report it; its `path` is the given one. */
export function listEntry(path: string): TreeEntry {
	try {
		const stat = lstatSync(path);
		const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "link" : "other";
		const entry = { path, kind, size: stat.size, mode: stat.mode & 0o777, mtimeMs: stat.mtimeMs } as const;
		return kind === "link" ? { ...entry, target: readlinkSync(path) } : entry;
	} catch (error) {
		throw fileError(path, error);
	}
}
