import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";

const head = "target: {name: m, provider: mock, response: hi}\ntests: [{id: a, input: hi}]\n";
const git = { ".git/HEAD": "ref: refs/heads/main\n" };

test("keeps bare names: the command runs in the copy of its directory", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${head}assertions:
  - {type: code-grader, command: [python3, check.py]}
  - {type: code-grader, command: python3 check.py, cwd: ./tools}
  - {type: code-grader, command: [python3, ./check.py]}
`,
		"eval/check.py": "import helper\n",
		"eval/helper.py": "",
		"eval/tools/check.py": "open('rules.json')",
		"eval/tools/rules.json": "{}",
	});
	const { read, output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).assertions).toEqual([
		{ type: "code-grader", command: ["python3", "check.py"], cwd: "./scripts" },
		{ type: "code-grader", command: "python3 check.py", cwd: "./scripts/tools" },
		{ type: "code-grader", command: ["python3", "./scripts/check.py"] },
	]);
	expect(Object.keys(treeOf(output)).filter((path) => path.startsWith("scripts/"))).toEqual([
		"scripts/check.py",
		"scripts/helper.py",
		"scripts/tools/check.py",
		"scripts/tools/rules.json",
	]);
});

test("runs parts inlined from another file in the copy of that file's directory", async () => {
	const root = tempTree({
		...git,
		"evals/e.eval.yaml": `${head}workspace: ../shared/ws.yaml\nassertions: [{include: ../shared/graders.yaml}, {type: contains, value: hi}]\n`,
		"shared/ws.yaml":
			"template: ./t\nhooks: {before_each: [node, ./setup.mjs], after_each: {command: ./x.sh --all, reset: fast}}\n",
		"shared/graders.yaml":
			"- is polite\n- {type: code-grader, command: node ./check.mjs}\n- is short\n- {include: ./deep/more.yaml}\n",
		"shared/deep/more.yaml": "assertions: [{type: llm-grader, prompt: ./judge.md}]",
		"shared/deep/judge.md": "judge",
		"shared/setup.mjs": "",
		"shared/x.sh": "#!/bin/sh\n",
		"shared/check.mjs": "",
		"shared/t/a": "",
	});
	const { read } = await makeBundle(join(root, "evals/e.eval.yaml"));
	const { workspace, assertions } = parse(read("eval.yaml"));
	expect(workspace).toEqual({
		template: "./workspace",
		hooks: {
			before_each: { command: ["node", "./setup.mjs"], cwd: "./scripts" },
			after_each: { command: "./x.sh --all", reset: "fast", cwd: "./scripts" },
		},
	});
	expect(assertions).toEqual([
		{ type: "code-grader", command: "node ./check.mjs", cwd: "./scripts" },
		{ type: "llm-grader", prompt: "./data/judge.md" },
		{ type: "rubrics", weight: 2, criteria: ["is polite", "is short"] },
		{ type: "contains", value: "hi" },
	]);
});

test("keeps words of a string command that are not paths, and quotes paths if necessary", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${head}assertions:
  - {type: code-grader, command: "node  './my graders/check it.mjs' --flag \\"a b\\" ./data.json http://x/y {{workspace_path}}/z"}
`,
		"eval/my graders/check it.mjs": "",
		"eval/data.json": "{}",
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).assertions[0].command).toBe(
		"node  './scripts/my graders/check it.mjs' --flag \"a b\" ./scripts/data.json http://x/y {{workspace_path}}/z",
	);
});

test("keeps a shell command, includes the files that it visibly uses, and warns", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${head}assertions: [{type: code-grader, command: "cat rules.txt | node graders/check.mjs > /dev/null"}]\n`,
		"eval/rules.txt": "rules",
		"eval/graders/check.mjs": 'import "./lib.mjs";',
		"eval/graders/lib.mjs": "",
	});
	const { read, plan, output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).assertions[0].command).toBe("cat rules.txt | node graders/check.mjs > /dev/null");
	expect(Object.keys(treeOf(output))).toEqual(
		expect.arrayContaining(["rules.txt", "graders/check.mjs", "graders/lib.mjs"]),
	);
	expect(plan.warnings.map(({ rule }) => rule)).toEqual(["path.opaque"]);
});

test("keeps the path by which the type of a custom grader is found", async () => {
	const root = tempTree({
		...git,
		"evals/e.eval.yaml": `${head}assertions: [{type: word-count, most: 3}]\n`,
		".agentv/graders/word-count.mjs": 'import "./lib/count.mjs";',
		".agentv/graders/lib/count.mjs": "",
	});
	const { output } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(Object.keys(treeOf(output)).filter((path) => path.startsWith(".agentv"))).toEqual([
		".agentv/graders/lib/count.mjs",
		".agentv/graders/word-count.mjs",
	]);
});

test("redirects extensions, agent rules and preprocessors to the copies in the bundle", async () => {
	const root = tempTree({
		...git,
		"evals/e.eval.yaml": `${head}criteria: x
extensions:
  - file://../ext/setup.mjs:beforeAll
  - {id: agentv:agent-rules, skills: ../skills, rules: [./AGENTS.md]}
preprocessors: [{type: pdf, command: [node, ../ext/pdf.mjs]}]
assertions: [{type: contains, value: hi}]
`.replace("criteria: x\n", ""),
		"ext/setup.mjs": "export function beforeAll() {}",
		"ext/pdf.mjs": "",
		"skills/one/SKILL.md": "skill",
		"evals/AGENTS.md": "rules",
	});
	const { read } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(parse(read("eval.yaml"))).toMatchObject({
		extensions: [
			"file://./scripts/setup.mjs:beforeAll",
			{ id: "agentv:agent-rules", skills: "./data/skills", rules: ["./data/evals/AGENTS.md"] },
		],
		preprocessors: [{ type: "pdf", command: ["node", "./scripts/pdf.mjs"] }],
	});
	expect(read("data/skills/one/SKILL.md")).toBe("skill");
});

test("keeps paths that contain a test's variables working for every test", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: {name: m, provider: mock, response: hi}
input: [{role: system, content: [{type: file, value: "./in/{{ lang }}/notes.md"}]}]
assertions: [{type: code-grader, command: [node, "./graders/{{ lang }}.mjs"]}]
tests:
  - {id: a, input: hi, vars: {lang: js}}
  - {id: b, input: hi, vars: {lang: py}}
`,
		"eval/in/js/notes.md": "js",
		"eval/in/py/notes.md": "py",
		"eval/graders/js.mjs": "",
		"eval/graders/py.mjs": "",
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml"))).toMatchObject({
		input: [{ content: [{ value: "./data/{{ lang }}/notes.md" }] }],
		assertions: [{ command: ["node", "./scripts/{{ lang }}.mjs"] }],
	});
});

test("resolves a path that depends on a variable, with a warning", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${head}assertions: [{type: code-grader, command: [node, "\${{ GRADER:-./a.mjs }}"]}]\n`,
		"eval/a.mjs": "a",
		"eval/b.mjs": "b",
	});
	const { read, plan } = await makeBundle(join(root, "eval/e.eval.yaml"), { env: { GRADER: "./b.mjs" } });
	expect(parse(read("eval.yaml")).assertions[0].command).toEqual(["node", "./scripts/b.mjs"]);
	expect(plan.warnings.map(({ message }) => message)).toEqual([
		"the path depends on GRADER; the bundle keeps the current one: scripts/b.mjs",
	]);
});

test("puts included files at their path in the eval's directory and next to the scripts", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${head}assertions: [{type: code-grader, command: [node, ./graders/check.mjs]}]\nbundle: {include: ["rules/**"], exclude: ["**/*.tmp"]}\n`,
		"eval/graders/check.mjs": "await import(process.argv[2]);",
		"eval/rules/a.mjs": 'import "../lib/x.mjs";',
		"eval/rules/b.tmp": "",
		"eval/lib/x.mjs": "",
		"eval/more/c.txt": "c",
	});
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"), { include: ["more"] });
	expect(Object.keys(treeOf(output)).sort()).toEqual([
		"eval.yaml",
		"manifest.json",
		"more/c.txt",
		"rules/a.mjs",
		"scripts/graders/check.mjs",
		"scripts/lib/x.mjs",
		"scripts/more/c.txt",
		"scripts/rules/a.mjs",
	]);
});
