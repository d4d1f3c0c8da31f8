import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { listTree } from "./find-files.ts";
import { writeAllOrNone } from "./write-file.ts";

function paths(root: string): string[] {
	return listTree(root).map(({ path }) => path);
}

test("writes, creates and removes all files, and leaves no others behind", () => {
	const root = tempTree({ a: "1", gone: "1" });
	writeAllOrNone([
		{ path: join(root, "a"), content: "2" },
		{ path: join(root, "new/deep/b"), content: "3" },
		{ path: join(root, "gone"), content: null },
		{ path: join(root, "never-was"), content: null },
	]);
	expect(paths(root)).toEqual(["a", "new", "new/deep", "new/deep/b"]);
	expect(readFileSync(join(root, "a"), "utf8")).toBe("2");
});

test("restores all files if one can't be written", () => {
	const root = tempTree({ a: "1", gone: "kept", file: "x" });
	mkdirSync(join(root, "dir"));
	symlinkSync("a", join(root, "link"));
	const before = paths(root);
	for (const bad of ["dir", "file/below"]) {
		const changes = [
			{ path: join(root, "a"), content: "2" },
			{ path: join(root, "gone"), content: null },
			{ path: join(root, "link"), content: null },
			{ path: join(root, "new/b"), content: "3" },
			{ path: join(root, bad), content: "x" },
		];
		expect(() => writeAllOrNone(changes)).toThrow(new RegExp(bad));
		expect(paths(root)).toEqual(before);
		expect(readFileSync(join(root, "a"), "utf8")).toBe("1");
	}
});

test("restores all files if renaming fails", () => {
	const root = tempTree({ a: "1", b: "1" });
	symlinkSync("a", join(root, "link"));
	const changes = [
		{ path: join(root, "a"), content: "2" },
		{ path: join(root, "new/c"), content: "2" },
		{ path: join(root, "link"), content: null },
		// The staged file has a shorter name, so it can be written but not renamed to this.
		{ path: join(root, "x".repeat(300)), content: "2" },
	];
	expect(() => writeAllOrNone(changes)).toThrow(/has a name that is too long/);
	expect(readFileSync(join(root, "a"), "utf8")).toBe("1");
	expect(lstatSync(join(root, "link")).isSymbolicLink()).toBe(true);
	expect(readdirSync(root).sort()).toEqual(["a", "b", "link"]);
});

test("refuses two paths to the same file", () => {
	const root = tempTree({ a: "1" });
	symlinkSync("a", join(root, "link"));
	const changes = ["a", "link"].map((name) => ({ path: join(root, name), content: "2" }));
	expect(() => writeAllOrNone(changes)).toThrow(/twice/);
	expect(readFileSync(join(root, "a"), "utf8")).toBe("1");
});
