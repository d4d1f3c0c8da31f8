import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { createKnownRedactor, secretsOf } from "../lib/redact.ts";
import { ContentPrints } from "./content.ts";
import { Fingerprinter } from "./fingerprint.ts";
import { loadEval } from "./load-eval.ts";
import { loadTargets } from "./load-targets.ts";
import { resolveTarget } from "./resolve-target.ts";
import { openDiskView } from "./source.ts";

const files = {
	"evals/x.eval.yaml": `workspace:
  template: ../template
  hooks: { before_each: { command: [node, ./setup.mjs, "\${{ MODE:-fast }}"] } }
tests:
  - id: t
    input_files: [../data/in.txt]
    input: read it
    metadata: { diff_file: ../data/change.diff }
    assertions: [{ type: code-grader, command: [node, ./grade.mjs] }]
`,
	"evals/targets.yaml":
		"targets: [{ name: default, provider: cli, command: [node, ../agent.mjs, '{PROMPT}'], api_key: '${{ MY_KEY:-none }}', cwd: .. }]\n",
	"evals/setup.mjs": "",
	"evals/grade.mjs": 'import "../lib/rules.mjs";',
	"lib/rules.mjs": "export const rules = 1;",
	"data/in.txt": "in",
	"data/change.diff": "diff",
	"template/a.txt": "a",
	"agent.mjs": "agent",
};

function prints(root: string, env: Readonly<Record<string, string>> = {}, evalFile = "evals/x.eval.yaml") {
	const view = openDiskView();
	const all = { ...gitTestEnvironment, ...env };
	const loaded = loadEval(join(root, evalFile), { view, env: all, cwd: root });
	const [one] = loaded.tests;
	const target = resolveTarget({ name: "default", at: { file: "" } }, loadTargets(loaded.scope, { view, env: all }));
	if (!one || !target.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join("\n") || "no target");
	const { scope, workspace, extensions, preprocessors } = one.suite;
	const content = new ContentPrints(view);
	const make = new Fingerprinter(content, createKnownRedactor(secretsOf(all)));
	const template = workspace?.template && content.template(workspace.template, scope);
	const rest = { threshold: 0.8, preprocessors, models: [], declared: undefined };
	return {
		test: make.test(one).print().digest,
		graders: make.graders(one.assertions, rest, scope, () => undefined).print().digest,
		workspace: make.workspace(workspace, template, []).print().digest,
		hooks: make.hooks([workspace?.hooks], extensions, scope, undefined).print().digest,
		target: make.target([target.target], scope).print().digest,
	};
}

describe("a fingerprint", () => {
	const change = async (path: string, env: Readonly<Record<string, string>> = {}) => {
		const root = tempTree(files);
		const before = await prints(root);
		if (path !== "") writeFileSync(join(root, path), "export const rules = 2; // changed");
		const after = await prints(root, env);
		return Object.keys(before).filter(
			(part) => before[part as keyof typeof before] !== after[part as keyof typeof after],
		);
	};

	test.each([
		["data/in.txt", ["test"]],
		["data/change.diff", ["test"]],
		["evals/grade.mjs", ["graders"]],
		["lib/rules.mjs", ["graders"]],
		["template/a.txt", ["workspace"]],
		["evals/setup.mjs", ["hooks"]],
		["agent.mjs", ["target"]],
	])("shows a change of %s in its part only", async (path, parts) => {
		expect(await change(path)).toEqual(parts);
	});

	test.each([
		["the program of an agent", "agent.mjs", "{ name: default, provider: claude, executable: ../agent.mjs }"],
		[
			"a script passed to the program in an option",
			"lib/rules.mjs",
			"{ name: default, provider: cli, command: [node, --import=./lib/rules.mjs, ./agent.mjs], cwd: .. }",
		],
	])("of a target covers %s", (_, path, target) => {
		const root = tempTree({ ...files, "evals/targets.yaml": `targets: [${target}]\n` });
		const before = prints(root);
		writeFileSync(join(root, path), "// changed");
		const after = prints(root);
		expect(after.target).not.toBe(before.target);
	});

	test("identifies files behind URLs by their URLs", () => {
		const at = (address: string) => {
			const text = files["evals/x.eval.yaml"].replace("../data/in.txt", address);
			return prints(tempTree({ ...files, "evals/x.eval.yaml": text })).test;
		};
		expect(at("https://example.com/a.png")).not.toBe(at("https://example.com/b.png"));
		expect(at("https://example.com/a.png")).toBe(at("https://example.com/a.png"));
	});

	test("includes the values of variables, but never secrets", async () => {
		expect(await change("", { MODE: "slow" })).toEqual(["hooks"]);
		expect(await change("", { MY_KEY: "correct-horse-battery" })).toEqual([]);
	});

	test("does not depend on where the files are", async () => {
		const root = tempTree(files);
		const before = await prints(root);
		const moved = tempTree();
		cpSync(root, moved, { recursive: true });
		rmSync(join(moved, "data"), { recursive: true });
		mkdirSync(join(moved, "evals/files"));
		for (const name of ["in.txt", "change.diff"]) cpSync(join(root, "data", name), join(moved, "evals/files", name));
		writeFileSync(join(moved, "evals/y.eval.yaml"), files["evals/x.eval.yaml"].replaceAll("../data/", "./files/"));
		const after = await prints(moved, {}, "evals/y.eval.yaml");
		// In the copy, the metadata names its file by another path; the content is the same.
		expect(after).toEqual(before);
	});
});
