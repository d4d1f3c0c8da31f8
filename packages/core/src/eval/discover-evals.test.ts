import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { discoverEvals, findEvals } from "./discover-evals.ts";
import { openDiskView } from "./source.ts";

describe("discovering evals", () => {
	const files = {
		"a/one.eval.yaml": "",
		"a/EVAL.yaml": "",
		"a/notes.yaml": "",
		"a/node_modules/x/two.eval.yaml": "",
		"b/three.eval.yml": "",
	};
	const named = (cwd: string, ...args: string[]) =>
		discoverEvals(args, cwd, openDiskView()).map((file) => file.slice(cwd.length + 1));

	test("finds the evals of a directory, glob or file argument, without those of !patterns", () => {
		const cwd = tempTree(files);
		expect(named(cwd, ".")).toEqual(["a/EVAL.yaml", "a/one.eval.yaml", "b/three.eval.yml"]);
		expect(named(cwd, "a/*.eval.yaml", "a/notes.yaml")).toEqual(["a/notes.yaml", "a/one.eval.yaml"]);
		expect(named(cwd, ".", "!a/**")).toEqual(["b/three.eval.yml"]);
	});

	test("never searches .agentv", async () => {
		const kept = ".agentv/results/runs/default/t/artifacts/workspace/four.eval.yaml";
		const cwd = tempTree({ ...files, [kept]: "", "a/.agentv/cache/five.eval.yaml": "" });
		const all = ["a/EVAL.yaml", "a/one.eval.yaml", "b/three.eval.yml"];
		expect(named(cwd, ".")).toEqual(all);
		expect(named(cwd, "**/*.{yaml,yml}")).toEqual(all);
		expect((await findEvals(cwd)).files).toEqual(all);
		expect(() => named(cwd, ".agentv/**/*.eval.yaml")).toThrow("matches no eval");
	});

	test("treats a bundle as one eval, regardless of its template's contents", () => {
		const cwd = tempTree({ "bundle/eval.yaml": "", "bundle/workspace/evals/inner.eval.yaml": "" });
		writeFileSync(join(cwd, "bundle/manifest.json"), JSON.stringify({ format_version: 1, digest: "0".repeat(64) }));
		mkdirSync(join(cwd, "empty"));
		expect(named(cwd, ".")).toEqual(["bundle/eval.yaml"]);
		expect(() => named(cwd, "empty")).toThrow("contains no eval");
	});
});
