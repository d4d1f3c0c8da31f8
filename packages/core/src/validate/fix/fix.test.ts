import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FileContent, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { openDiskView } from "../../eval/source.ts";
import type { FixWhen } from "../rule.ts";
import { unifiedDiff } from "./edited-files.ts";
import { applyFixes, planFixes } from "./plan-fixes.ts";

const env = { PATH: process.env.PATH, HOME: "/nonexistent" };
const row = '{"id":"a","input":"hi","criteria":"greets"}\n';

function tree(files: Readonly<Record<string, FileContent>>) {
	const root = tempTree();
	gitRepository(root, files);
	const plan = (mode: FixWhen = "fix", ...evals: string[]) =>
		planFixes(
			(evals.length > 0 ? evals : ["a/evals/eval.yaml"]).map((file) => join(root, file)),
			options(mode),
		);
	const options = (mode: FixWhen) => ({ view: openDiskView(), env, cwd: root, modes: new Set([mode]) });
	return {
		root,
		plan,
		fix: async (mode: FixWhen = "fix", ...evals: string[]) => {
			const made = await plan(mode, ...evals);
			applyFixes(made, options(mode));
			return made;
		},
		text: (file: string) => readFileSync(join(root, file), "utf8"),
	};
}

describe("fixing", () => {
	it("changes only the bytes of the path, and keeps comments, quotes, CRLF and a byte order mark", async () => {
		const before = '\uFEFF# mine\r\ntests: "/a/data/cases.jsonl"   # the cases\r\nname: x\r\n';
		const { fix, text } = tree({ "a/evals/eval.yaml": before, "a/data/cases.jsonl": row });
		await fix();
		expect(text("a/evals/eval.yaml")).toBe(before.replace('"/a/data/cases.jsonl"', '"../data/cases.jsonl"'));
	});

	it("copies a chain of targets next to the eval, flattened, with variables as written and correct paths", async () => {
		const { fix, plan, text } = tree({
			"a/evals/eval.yaml": `target: fast\ntests: ./cases.jsonl\n`,
			"a/evals/cases.jsonl": row,
			"scripts/run.sh": { content: "echo", mode: 0o755 },
			".agentv/targets.yaml": [
				"targets:",
				"  - { name: fast, use_target: base, model: '${{ MODEL:-small }}' }",
				"  - { name: base, provider: cli, command: [../scripts/run.sh, '{PROMPT}'], grader_target: judge }",
				"  - { name: judge, use_target: '${{ JUDGE:-mine }}' }",
				"  - { name: mine, provider: mock, response: '$${{ kept }}' }",
				"",
			].join("\n"),
		});
		await fix();
		expect(text("a/evals/targets.yaml")).toBe(
			[
				"targets:",
				"  - name: fast",
				"    provider: cli",
				"    command:",
				"      - ../../scripts/run.sh",
				'      - "{PROMPT}"',
				"    grader_target: judge",
				"    model: ${{ MODEL:-small }}",
				"  - name: judge",
				"    use_target: ${{ JUDGE:-mine }}",
				"  - name: mine",
				"    provider: mock",
				"    response: $${{ kept }}",
				"  - name: base",
				"    provider: cli",
				"    command:",
				"      - ../../scripts/run.sh",
				'      - "{PROMPT}"',
				"    grader_target: judge",
				"",
			].join("\n"),
		);
		expect((await plan()).files).toEqual([]);
	});

	it("adds to an existing targets file without changing the rest", async () => {
		const own = "# ours\ntargets:\n  - name: default   # first\n    use_target: claude\n";
		const { fix, text } = tree({
			"a/evals/eval.yaml": "tests: ./cases.jsonl\n",
			"a/evals/cases.jsonl": row,
			"a/evals/targets.yaml": own,
			"targets.yaml": "targets:\n  - { name: claude, provider: mock }\n",
		});
		await fix();
		expect(text("a/evals/targets.yaml")).toBe(`${own}  - name: claude\n    provider: mock\n`);
	});

	it("writes the current spelling with --migrate and keeps comments", async () => {
		const { fix, text } = tree({
			"a/evals/eval.yaml":
				"# top\nexecution:\n  # which\n  target: x\n  threshold: 0.5\neval_cases:\n  - { id: a, input: hi, expected_outcome: greets }\n",
			"a/evals/targets.yaml": "targets:\n  - { name: x, provider: mock }\n",
		});
		await fix("migrate");
		expect(text("a/evals/eval.yaml")).toBe(
			"# top\n# which\ntarget: x\nthreshold: 0.5\ntests:\n  - { id: a, input: hi, criteria: greets }\n",
		);
	});

	it("never changes an eval inside another one's template", async () => {
		const { plan } = tree({
			"eval.yaml": "workspace: ./a\ntests: ./a/cases.jsonl\n",
			"a/cases.jsonl": row,
			"a/evals/eval.yaml": "tests: /a/cases.jsonl\n",
		});
		const { files, refused } = await plan();
		expect(files).toEqual([]);
		expect(refused.map(({ reason }) => reason)).toEqual(["the eval is inside another eval's template"]);
	});

	it("refuses to overwrite a file that changed in the meantime", async () => {
		const { root, plan } = tree({ "a/evals/eval.yaml": "tests: /a/cases.jsonl\n", "a/cases.jsonl": row });
		const made = await plan();
		writeFileSync(join(root, "a/evals/eval.yaml"), "tests: /a/cases.jsonl # new\n");
		expect(() => applyFixes(made, { env, cwd: root, modes: new Set(["fix"]) })).toThrow("was changed while");
	});

	it("displays the change as a diff that git can apply", async () => {
		const { root, plan } = tree({
			"a/evals/eval.yaml": "target: t\ntests: /a/cases.jsonl",
			"a/cases.jsonl": row,
			"targets.yaml": "targets:\n  - { name: t, provider: mock }\n",
		});
		const made = await plan();
		const diff = made.files.map((file) => unifiedDiff({ ...file, path: file.path.slice(root.length + 1) })).join("");
		writeFileSync(join(root, "change.diff"), diff);
		const { git } = await import("@agentv/test-support");
		git(root, "apply", "change.diff");
		for (const { path, after } of made.files) expect(readFileSync(path, "utf8")).toBe(after);
	});
});
