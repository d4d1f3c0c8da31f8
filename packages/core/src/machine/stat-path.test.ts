import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { existingCase } from "./environment.ts";
import { isExecutable, isInside, pathKind, realPath, targetKind } from "./files.ts";

test("returns the kind of a path, either of a link itself or of its target", () => {
	const root = tempTree({ "dir/file": "" });
	symlinkSync("dir", join(root, "to-dir"));
	symlinkSync("nowhere", join(root, "dangling"));
	const kinds = ["dir/file", "dir", "to-dir", "dangling", "none", "dir/file/below", "to-dir/file"];
	expect(kinds.map((path) => pathKind(join(root, path)))).toEqual([
		...["file", "directory", "link", "link", "missing", "missing", "file"],
	]);
	expect(targetKind(join(root, "to-dir"))).toBe("directory");
	expect(targetKind(join(root, "dangling"))).toBe("missing");
	expect(pathKind("/dev/null")).toBe("other");
	expect(pathKind(join(root, "x".repeat(300)))).toBe("missing");
});

test("resolves links in real paths, including paths that do not exist yet", () => {
	const root = tempTree({ "dir/file": "" });
	symlinkSync("dir", join(root, "link"));
	expect(realPath(join(root, "link/file"))).toBe(join(root, "dir/file"));
	expect(realPath(join(root, "link/new/deep"))).toBe(join(root, "dir/new/deep"));
});

test("isInside compares whole components", () => {
	const yes = [
		["/a", "/a"],
		["/a/", "/a/b"],
		["/a", "/a/b/"],
		["/", "/x"],
		["/a", "/a/..b"],
		["/a", "/a/b/../c"],
	] as const;
	const no = [
		["/a", "/ab"],
		["/a/b", "/a"],
		["/a", "/a/../b"],
		["/a", "/"],
	] as const;
	for (const [parent, child] of yes) expect(isInside(parent, child), `${parent} ${child}`).toBe(true);
	for (const [parent, child] of no) expect(isInside(parent, child), `${parent} ${child}`).toBe(false);
});

test("returns the spelling on disk for any upper or lower case", () => {
	const root = tempTree({ "Prompts/Main.md": "", "Caf\u00e9.md": "" });
	expect(existingCase(join(root, "Prompts/Main.md"), root)).toBe(join(root, "Prompts/Main.md"));
	expect(existingCase(join(root, "prompts/MAIN.md"))).toBe(join(root, "Prompts/Main.md"));
	expect(existingCase(join(root, "Cafe\u0301.md"), root)).toBe(join(root, "Caf\u00e9.md"));
	expect(existingCase(join(root, "prompts/other.md"), root)).toBeUndefined();
	expect(existingCase(join(root, "Prompts/../prompts"), join(root, "Prompts"))).toBe(join(root, "Prompts"));
});

test("prefers the exact spelling to another one", () => {
	const root = tempTree({ readme: "", README: "" });
	expect(existingCase(join(root, "README"), root)).toBe(join(root, "README"));
});

test("isExecutable accepts only files with the executable bit", () => {
	const root = tempTree({ script: "", plain: "" });
	chmodSync(join(root, "script"), 0o755);
	mkdirSync(join(root, "dir"));
	expect(["script", "plain", "dir", "none"].map((name) => isExecutable(join(root, name)))).toEqual([
		true,
		false,
		false,
		false,
	]);
});
