import { join } from "node:path";
import { tempTree, writeTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { compareByBytes } from "./files.ts";
import { listTree } from "./find-files.ts";
import { digestFile, digestText, digestTree } from "./tree-notes.ts";

test("lists files and links with size, mode and digest, in byte order of the paths", async () => {
	const root = tempTree();
	writeTree(root, {
		"a/z": "abc",
		"a-b": "",
		"a.sh": { content: "x", mode: 0o755 },
		Z: { link: "a/z" },
		"\u{1F600}": "",
		"\uFB01": "",
	});
	const digests = await digestTree(root);
	expect(digests.map(({ path }) => path)).toEqual(["Z", "a-b", "a.sh", "a/z", "\uFB01", "\u{1F600}"]);
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	expect(digests[3]).toEqual({ path: "a/z", size: 3, mode: "644", sha256: abc });
	expect(digests[2]?.mode).toBe("755");
	expect(digests[0]).toEqual({ path: "Z", size: 3, mode: "link", sha256: digestText("a/z") });
});

test("digests a file larger than the buffer", () => {
	const content = Buffer.alloc(2_500_000, "agentv");
	const root = tempTree();
	writeTree(root, { big: content });
	expect(digestFile(join(root, "big"))).toBe(digestText(content));
});

test("sorts paths by their encoded bytes", () => {
	const paths = ["b", "a/b", "a.b", "a", "\u{1F600}", "\uFFFD", "é", "Z"];
	const encoded = [...paths].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
	expect([...paths].sort(compareByBytes)).toEqual(encoded);
});

test("omits the repository at the top if requested", () => {
	const root = tempTree({ ".git/HEAD": "", "sub/.git/HEAD": "", a: "" });
	const paths = listTree(root, { skipGit: true }).map(({ path }) => path);
	expect(paths).toEqual(["a", "sub", "sub/.git", "sub/.git/HEAD"]);
	expect(() => listTree(join(root, "none"))).toThrow(expect.objectContaining({ code: "not-found" }));
});
