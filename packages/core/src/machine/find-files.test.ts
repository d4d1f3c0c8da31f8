import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";
import { findFiles } from "./find-files.ts";

const yaml = (name: string) => name.endsWith(".yaml");

it("finds files by name in every directory but .git and node_modules, and follows no link", async () => {
	const root = tempTree({
		"b.yaml": "",
		"a/deep/c.yaml": "",
		"a/c.txt": "",
		".git/d.yaml": "",
		"node_modules/x/e.yaml": "",
	});
	symlinkSync(join(root, "a"), join(root, "loop"));
	expect(await findFiles(root, yaml)).toEqual({ files: ["a/deep/c.yaml", "b.yaml"], cut: false });
});

it("stops after so many directories, nearest first, and says so", async () => {
	const root = tempTree({ "near.yaml": "", "a/b/far.yaml": "" });
	expect(await findFiles(root, yaml, { maxDirectories: 2 })).toEqual({ files: ["near.yaml"], cut: true });
});

it("finds nothing where there is nothing, and ends when it is interrupted", async () => {
	expect(await findFiles("/nonexistent", yaml)).toEqual({ files: [], cut: false });
	await expect(findFiles(tempTree(), yaml, { signal: AbortSignal.abort() })).rejects.toMatchObject({
		code: "interrupted",
	});
});
