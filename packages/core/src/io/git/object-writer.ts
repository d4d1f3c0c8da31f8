import { createHash, randomBytes } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { fileError } from "../files/file-error.ts";
import { makeDirectories } from "../files/make-directories.ts";

/** A file, executable, link or tree. */
export interface GitTreeEntry {
	/** One path component. */
	readonly name: string;
	readonly mode: "100644" | "100755" | "120000" | "40000";
	readonly sha: string;
}

/**
 * Writes an object into a repository's store (`objects` directory) without starting git; returns
 * its SHA-1.
 * @throws AgentvError on a file error
 */
export function writeGitObject(objects: string, type: "blob" | "tree", content: Uint8Array): string {
	const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
	const sha = createHash("sha1").update(bytes).digest("hex");
	const directory = join(objects, sha.slice(0, 2));
	const path = join(directory, sha.slice(2));
	if (existsSync(path)) return sha;
	const staged = `${path}.${randomBytes(4).toString("hex")}`;
	try {
		makeDirectories(directory);
		writeFileSync(staged, deflateSync(bytes, { level: 1 }), { flag: "wx" });
		renameSync(staged, path);
	} catch (error) {
		throw fileError(path, error);
	}
	return sha;
}

/** Writes a tree object, with its entries in git's order. */
export function writeGitTree(objects: string, entries: readonly GitTreeEntry[]): string {
	// Git sorts a directory as if its name ended in a slash.
	const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.name + (entry.mode === "40000" ? "/" : "")) }));
	keyed.sort((left, right) => Buffer.compare(left.key, right.key));
	const parts = keyed.flatMap(({ entry: { mode, name, sha } }) => [
		Buffer.from(`${mode} ${name}\0`),
		Buffer.from(sha, "hex"),
	]);
	return writeGitObject(objects, "tree", Buffer.concat(parts));
}

/** Writes the trees for files by path (`/` between components); returns the root's SHA. */
export function writeGitTreeOf(
	objects: string,
	files: readonly { readonly path: string; readonly mode: GitTreeEntry["mode"]; readonly sha: string }[],
): string {
	const entries: GitTreeEntry[] = [];
	const below = new Map<string, { path: string; mode: GitTreeEntry["mode"]; sha: string }[]>();
	for (const { path, mode, sha } of files) {
		const slash = path.indexOf("/");
		if (slash < 0) entries.push({ name: path, mode, sha });
		else {
			const name = path.slice(0, slash);
			const list = below.get(name) ?? [];
			list.push({ path: path.slice(slash + 1), mode, sha });
			below.set(name, list);
		}
	}
	for (const [name, members] of below) entries.push({ name, mode: "40000", sha: writeGitTreeOf(objects, members) });
	return writeGitTree(objects, entries);
}
