import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";
import { findFiles } from "./find-files.ts";

const yaml = (name: string) => name.endsWith(".yaml");

it("finds files by name in all directories except .git and node_modules, without following links", async () => {
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

it("stops after the maximum number of directories, nearest first, and reports it", async () => {
	const root = tempTree({ "near.yaml": "", "a/b/far.yaml": "" });
	expect(await findFiles(root, yaml, { maxDirectories: 2 })).toEqual({ files: ["near.yaml"], cut: true });
});

it("returns an empty list for a missing directory, and stops on abort", async () => {
	expect(await findFiles("/nonexistent", yaml)).toEqual({ files: [], cut: false });
	await expect(findFiles(tempTree(), yaml, { signal: AbortSignal.abort() })).rejects.toMatchObject({
		code: "interrupted",
	});
});
