import { join } from "node:path";
import { walkTree } from "../files/list-tree.ts";
import { readTextFile } from "../files/read-text.ts";
import { targetKind } from "../files/stat-path.ts";

/** The branch or commit that is checked out. */
export interface PlainHead {
	readonly branch: string | undefined;
	/** Only if detached. */
	readonly sha: string | undefined;
}

const object = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** Parses HEAD's file; undefined for a syntax that only git should parse. */
export function readPlainHead(gitDir: string): PlainHead | undefined {
	const text = readTextFile(join(gitDir, "HEAD"), { maxBytes: 10_000 }).trim();
	if (object.test(text)) return { branch: undefined, sha: text };
	const branch = /^ref: refs\/heads\/(.+)$/.exec(text)?.[1];
	// Git writes this for another ref storage format.
	return branch === undefined || branch === ".invalid" ? undefined : { branch, sha: undefined };
}

/**
 * Returns full ref → object for the refs below `prefixes` (`refs/heads/main`,
 * `refs/remotes/origin/`), read from git's files in a tenth of the time of a git process. Symbolic
 * refs are skipped. Undefined if anything looks unusual.
 */
export function readPlainRefs(gitDir: string, prefixes: readonly string[]): Map<string, string> | undefined {
	const refs = readPacked(gitDir, prefixes);
	if (!refs) return undefined;
	for (const prefix of prefixes) {
		const path = join(gitDir, prefix);
		const names =
			targetKind(path) === "directory"
				? [...filesBelow(path)].map((name) => `${prefix.replace(/\/$/, "")}/${name}`)
				: [prefix];
		for (const name of names) {
			if (name.endsWith(".lock") || targetKind(join(gitDir, name)) !== "file") continue;
			const text = readTextFile(join(gitDir, name), { maxBytes: 10_000 }).trim();
			if (text.startsWith("ref: ")) continue;
			if (!object.test(text)) return undefined;
			refs.set(name, text);
		}
	}
	return refs;
}

function* filesBelow(directory: string): Generator<string> {
	for (const { path, kind } of walkTree(directory)) if (kind === "file") yield path;
}

function readPacked(gitDir: string, prefixes: readonly string[]): Map<string, string> | undefined {
	const refs = new Map<string, string>();
	const file = join(gitDir, "packed-refs");
	if (targetKind(file) !== "file") return refs;
	for (const line of readTextFile(file).split("\n")) {
		if (line === "" || line.startsWith("#") || line.startsWith("^")) continue;
		const space = line.indexOf(" ");
		const [sha, name] = [line.slice(0, space), line.slice(space + 1)];
		if (!object.test(sha)) return undefined;
		if (prefixes.some((prefix) => name === prefix || (prefix.endsWith("/") && name.startsWith(prefix))))
			refs.set(name, sha);
	}
	return refs;
}
