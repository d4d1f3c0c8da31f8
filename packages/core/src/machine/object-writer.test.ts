import { join } from "node:path";
import { git, gitRepository, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeGitObject, writeGitTree } from "./git-repository.ts";

interface File {
	readonly path: string;
	readonly mode: "100644";
	readonly sha: string;
}

/** Writes the trees for files by path and returns the root's SHA. */
function writeTrees(objects: string, files: readonly File[]): string {
	const names = new Set(files.map(({ path }) => path.split("/", 1)[0] ?? ""));
	const entries = [...names].map((name) => {
		const file = files.find(({ path }) => path === name);
		if (file) return { name, mode: file.mode, sha: file.sha };
		const below = files.filter(({ path }) => path.startsWith(`${name}/`));
		const inner = below.map((one) => ({ ...one, path: one.path.slice(name.length + 1) }));
		return { name, mode: "40000" as const, sha: writeTrees(objects, inner) };
	});
	return writeGitTree(objects, entries);
}

test("any set of files becomes the same tree as in git", () => {
	const name = fc.constantFrom("a", "a.b", "a-b", "ab", "ü", "a b", "B", "0");
	const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
	const content = fc.uint8Array({ maxLength: 40 });
	fc.assert(
		fc.property(fc.dictionary(path, content, { minKeys: 1, maxKeys: 8 }), (all) => {
			// A name can't be both a file and a directory.
			const paths = Object.keys(all).filter((one) => !Object.keys(all).some((other) => other.startsWith(`${one}/`)));
			const root = tempTree();
			const files = Object.fromEntries(paths.map((one) => [one, all[one] ?? new Uint8Array()]));
			const repository = gitRepository(root, files);
			const objects = join(tempTree(), "objects");
			const entries = paths.map((one) => {
				const sha = writeGitObject(objects, "blob", files[one] ?? new Uint8Array());
				return { path: one, mode: "100644" as const, sha };
			});
			expect(writeTrees(objects, entries)).toBe(repository.git("rev-parse", "HEAD^{tree}"));
		}),
		{ numRuns: 15 },
	);
});

test("git reads the written objects", () => {
	const { root } = gitRepository(tempTree(), { x: "1" });
	const objects = join(root, ".git/objects");
	const sha = writeGitObject(objects, "blob", Buffer.from("content\n"));
	expect(git(root, "cat-file", "-p", sha)).toBe("content");
	expect(writeGitObject(objects, "blob", Buffer.from("content\n"))).toBe(sha);
	expect(git(root, "fsck", "--strict")).toBe(`dangling blob ${sha}`);
});
