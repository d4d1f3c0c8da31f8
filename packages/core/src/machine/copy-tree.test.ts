import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { tempTree, writeTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyPreparedTree, copyTree, linksLeavingTree, prepareTree } from "./copy-tree.ts";
import { listTree, type TreeEntry } from "./find-files.ts";
import { digestTree } from "./tree-notes.ts";

describe("copying a tree", () => {
	test("keeps bytes, modes and links, and omits the repository at its top", async () => {
		const root = tempTree();
		const from = join(root, "from");
		writeTree(from, {
			"run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
			"group.txt": { content: "x", mode: 0o664 },
			"read-only/file": { content: "x", mode: 0o444 },
			"latin.txt": Buffer.from([0xfc, 0x0d, 0x0a]),
			"large.bin": Buffer.alloc(700_000, 7),
			"deep/er/link": { link: "../../run.sh" },
			dangling: { link: "not-there" },
			"empty-file": "",
			".git/HEAD": "x",
			"nested/.git/HEAD": "x",
		});
		mkdirSync(join(from, "empty"));
		await copyTree(from, join(root, "to"));
		expect(readdirSync(join(root, "to"))).not.toContain(".git");
		const shape = (path: string) => listTree(path, { skipGit: true }).map((entry) => ({ ...entry, mtimeMs: 0 }));
		const withoutDirectorySizes = (path: string) =>
			shape(path).map((entry) => (entry.kind === "directory" ? { ...entry, size: 0 } : entry));
		expect(withoutDirectorySizes(join(root, "to"))).toEqual(withoutDirectorySizes(from));
		expect(await digestTree(join(root, "to"))).toEqual(await digestTree(from, { skipGit: true }));
		expect(readlinkSync(join(root, "to/deep/er/link"))).toBe("../../run.sh");
	});

	test("does not share files with the original", async () => {
		const root = tempTree({ "from/a": "1", "from/big": "x".repeat(300_000) });
		await copyTree(join(root, "from"), join(root, "to"));
		for (const name of ["a", "big"]) expect(statSync(join(root, "to", name)).nlink).toBe(1);
		writeFileSync(join(root, "to/a"), "2");
		expect(readFileSync(join(root, "from/a"), "utf8")).toBe("1");
	});

	test("keeps times if requested", async () => {
		const root = tempTree({ "from/dir/a": "1", "from/big": "x".repeat(300_000) });
		for (const path of ["dir/a", "big", "dir"]) utimesSync(join(root, "from", path), 1000, 1_000_000);
		await copyTree(join(root, "from"), join(root, "to"), { preserveTimes: true });
		for (const path of ["dir/a", "big", "dir"]) expect(statSync(join(root, "to", path)).mtimeMs).toBe(1_000_000_000);
	});

	test("many times from one prepared tree omits directories that the filter excludes", async () => {
		const root = tempTree({ "from/keep/a": "1", "from/node_modules/x/y": "1" });
		const tree = prepareTree(join(root, "from"), { filter: (path) => path !== "node_modules" });
		await Promise.all(["one", "two"].map((name) => copyPreparedTree(tree, join(root, name))));
		for (const name of ["one", "two"])
			expect(listTree(join(root, name)).map(({ path }) => path)).toEqual(["keep", "keep/a"]);
	});

	test("does not overwrite files, refuses to copy into itself, and stops on abort", async () => {
		const root = tempTree({ "from/a": "1", "to/a": "mine" });
		await expect(copyTree(join(root, "from"), join(root, "to"))).rejects.toThrow(/to\/a already exists/);
		expect(readFileSync(join(root, "to/a"), "utf8")).toBe("mine");
		await expect(copyTree(join(root, "from"), join(root, "from/below/deep"))).rejects.toMatchObject({
			code: "refused",
		});
		const stopped = copyTree(join(root, "from"), join(root, "new"), { signal: AbortSignal.abort() });
		await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
	});
});

describe("a tree with an unsupported entry", () => {
	test.each([
		["an absolute link", { out: { link: "/etc/passwd" } }, "out -> /etc/passwd"],
		["an absolute link into the tree", { out: { link: "/tmp" } }, "out -> /tmp"],
		["a relative link out of the tree", { "dir/out": { link: "../../other" } }, "dir/out -> ../../other"],
		[
			"a link out of the tree through another link",
			{ "a/b/in": { link: "../../x" }, "a/b/out": { link: "in/../../y" }, "x/f": "" },
			"a/b/out",
		],
		["a cycle", { one: { link: "two" }, two: { link: "one" } }, "one -> two, two -> one"],
	])("is refused with the name of the entry: %s", async (_, files, named) => {
		const root = tempTree();
		writeTree(join(root, "from"), files);
		await expect(copyTree(join(root, "from"), join(root, "to"))).rejects.toMatchObject({
			...{ code: "refused", message: expect.stringContaining(named) },
		});
		expect(readdirSync(root)).toEqual(["from"]);
	});

	test("is refused with the names of pipes and sockets", async () => {
		const root = tempTree({ "from/a": "" });
		execFileSync("mkfifo", [join(root, "from/pipe")]);
		const server = createServer().listen(join(root, "from/socket"));
		await new Promise((resolve) => server.once("listening", resolve));
		await expect(copyTree(join(root, "from"), join(root, "to"))).rejects.toThrow(
			/not files, directories or links: pipe, socket/,
		);
		server.close();
	});
});

test("an accepted link never resolves outside of the tree", () => {
	const part = fc.constantFrom("a", "b", "..", ".");
	const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
	const name = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
	fc.assert(
		fc.property(fc.dictionary(name, path, { maxKeys: 4 }), (links) => {
			const root = tempTree();
			const top = join(root, "top");
			mkdirSync(top);
			for (const [link, target] of Object.entries(links)) {
				const parent = join(top, link, "..");
				if (
					execFileSync("sh", [
						"-c",
						'mkdir -p "$1" 2>/dev/null; test ! -e "$2" && test ! -h "$2" && test -d "$1" && case "$(realpath "$1")" in "$3"*) ln -s "$4" "$2";; esac; true',
						"sh",
						parent,
						join(top, link),
						top,
						target,
					])
				)
					continue;
			}
			const entries: TreeEntry[] = listTree(top);
			const leaving = new Set(linksLeavingTree(entries).map((entry) => entry.path));
			for (const entry of entries) {
				if (entry.kind !== "link" || leaving.has(entry.path)) continue;
				const real = execFileSync("realpath", ["-m", join(top, entry.path)], { encoding: "utf8" }).trim();
				expect(`${real}/`.startsWith(`${top}/`), `${entry.path} -> ${entry.target} = ${real}`).toBe(true);
			}
		}),
		{ numRuns: 60 },
	);
});
