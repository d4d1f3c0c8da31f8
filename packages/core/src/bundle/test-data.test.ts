import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";

const target = "target: {name: m, provider: mock, response: hi}\n";
const check = "assertions: [{type: contains, value: hi}]";

test("inlines tests from lists, files, globs, includes and imports in their order", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests:
  # stays
  - {id: one, input: hi, ${check}}
  - more/two.jsonl
  - {include: ./more/three.yaml}
  - id: 007 # an id, not a number
    input: hi
    ${check}
  - file://more/globbed-*.yaml
imports:
  tests: [more/last.yaml]
`,
		"eval/more/two.jsonl":
			'{"id": "two", "input": "hi", "criteria": "x"}\n\n{"id": "two-b", "input": "hi", "criteria": "x"}\n',
		"eval/more/three.yaml": `tests: [{id: three, input: hi, ${check}}, ./deep/four.jsonl]`,
		"eval/more/deep/four.jsonl": '{"id": "four", "input": "hi", "criteria": "x"}\n',
		"eval/more/globbed-b.yaml": `[{id: gb, input: hi, ${check}}]`,
		"eval/more/globbed-a.yaml": `[{id: ga, input: hi, ${check}}]`,
		"eval/more/last.yaml": `[{id: last, input: hi, ${check}}]`,
	});
	const { read, output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	const text = read("eval.yaml");
	const ids = parse(text).tests.map(({ id }: { id: unknown }) => id);
	expect(ids).toEqual(["one", "two", "two-b", "three", "four", "007", "ga", "gb", "last"]);
	expect(text).toContain("  # stays\n  - {id: one");
	expect(text).toContain("# an id, not a number");
	expect(text).not.toContain("imports");
	expect(Object.keys(treeOf(output)).sort()).toEqual(["eval.yaml", "manifest.json"]);
});

test("keeps ids, templates and files next to each case of a directory of cases", async () => {
	const files = {
		"case.yaml": `input: hi\ninput_files: [notes.md]\n${check}`,
		"notes.md": "notes",
		"workspace/a.txt": "a",
	};
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests: ./cases\nworkspace: {hooks: {before_each: {reset: strict}}}\n`,
		...Object.fromEntries(Object.entries(files).map(([name, text]) => [`eval/cases/first/${name}`, text])),
		...Object.fromEntries(Object.entries(files).map(([name, text]) => [`eval/cases/second/${name}`, `${text} `])),
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	const { tests } = parse(read("eval.yaml"));
	expect(tests.map(({ id }: { id: string }) => id)).toEqual(["first", "second"]);
	expect(tests[1].workspace).toEqual({ template: "./workspace/second/workspace", isolation: "per_test" });
	expect(tests[1].input_files).toEqual(["./data/second/notes.md"]);
	expect(read("workspace/second/workspace/a.txt")).toBe("a ");
});

test("moves test data over 256 KB to data/tests.jsonl, with paths relative to that file", async () => {
	const row = (id: number) => `${JSON.stringify({ id: `t${id}`, input: "x".repeat(3000), input_files: ["f.md"] })}\n`;
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests:\n  - {id: first, input: hi, ${check}}\n  - ./rows/all.jsonl\n${check}\n`,
		"eval/rows/all.jsonl": Array.from({ length: 100 }, (_, id) => row(id)).join(""),
		"eval/rows/f.md": "file",
	});
	const { read, output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).tests[1]).toBe("./data/tests.jsonl");
	expect(JSON.parse(read("data/tests.jsonl").split("\n")[99] ?? "").input_files).toEqual(["./f.md"]);
	expect(Object.keys(treeOf(output)).sort()).toEqual(["data/f.md", "data/tests.jsonl", "eval.yaml", "manifest.json"]);
});

test("chooses another name than data/tests.jsonl if the eval has a file of that name", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests: ./rows.jsonl\ninput_files: [./in/tests.jsonl]\n${check}\n`,
		"eval/rows.jsonl": `${JSON.stringify({ id: "a", input: "x".repeat(300_000) })}\n`,
		"eval/in/tests.jsonl": "mine",
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(read("data/tests.jsonl")).toBe("mine");
	expect(parse(read("eval.yaml")).tests).toEqual(["./data/tests-2.jsonl"]);
});

test("keeps the context of imported suites in separate files that are not evals", async () => {
	const root = tempTree({
		".git/HEAD": "ref: refs/heads/main\n",
		"evals/e.eval.yaml": `${target}tests: [{id: own, input: hi, ${check}}]\nimports: {suites: [./inner/s.eval.yaml, ../other/EVAL.yaml]}\n`,
		"evals/inner/s.eval.yaml": `threshold: 0.3\nworkspace: ./t\ntests: [{id: in, input: hi, ${check}, metadata: {note_file: n.txt}}]\n`,
		"targets.yaml": "targets: [{name: default, provider: mock, response: hi}]",
		"evals/inner/t/x": "x",
		"evals/inner/n.txt": "note",
		"other/EVAL.yaml": `assertions: [{type: code-grader, command: [node, ./g.mjs]}]\ntests: rows.jsonl\n`,
		"other/rows.jsonl": '{"id": "far", "input": "hi"}\n',
		"other/g.mjs": "",
	});
	const { read, output } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(Object.keys(treeOf(output)).sort()).toEqual([
		"eval.yaml",
		"inner/n.txt",
		"inner/s.suite.yaml",
		"manifest.json",
		"scripts/g.mjs",
		"suites/eval.suite.yaml",
		"targets.yaml",
		"workspace/x",
	]);
	expect(parse(read("eval.yaml")).imports).toEqual({ suites: ["./inner/s.suite.yaml", "./suites/eval.suite.yaml"] });
	expect(parse(read("inner/s.suite.yaml"))).toMatchObject({ name: "s", threshold: 0.3, workspace: "../workspace" });
	expect(parse(read("suites/eval.suite.yaml"))).toMatchObject({
		name: "other",
		assertions: [{ command: ["node", "../scripts/g.mjs"] }],
		tests: [{ id: "far" }],
	});
});

test("turns JSON Lines and Agent Skills' evals.json into eval.yaml", async () => {
	const root = tempTree({
		"a/rows.jsonl": '{"id": "a", "input": "hi", "expected_output": {"x": 1.0}, "input_files": ["../f.md"]}\n',
		"b/evals.json": JSON.stringify({
			skill_name: "My Skill",
			evals: [{ id: 1, prompt: "hi", expected_output: "x", files: ["../f.md"], assertions: ["is kind"] }],
		}),
		"f.md": "f",
		"targets.yaml": "targets: [{name: default, provider: mock, response: hi}]",
	});
	const rows = await makeBundle(join(root, "a/rows.jsonl"), { cwd: root });
	expect(rows.read("eval.yaml")).toContain("x: 1.0");
	expect(parse(rows.read("eval.yaml"))).toEqual({
		name: "rows",
		tests: [{ id: "a", input: "hi", expected_output: { x: 1 }, input_files: ["./data/f.md"] }],
	});
	const skill = await makeBundle(join(root, "b/evals.json"), { cwd: root });
	expect(parse(skill.read("eval.yaml"))).toEqual({
		name: "my-skill",
		tests: [{ id: "1", input: "hi", expected_output: "x", input_files: ["./data/f.md"], assertions: ["is kind"] }],
	});
});

test("keeps PROMPT.md next to the eval", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests: [{id: a, ${check}}]\n`,
		"eval/PROMPT.md": "Do it",
	});
	expect((await makeBundle(join(root, "eval/e.eval.yaml"))).read("PROMPT.md")).toBe("Do it");
});

test("keeps the spelling of numbers in all files that tests are moved to", async () => {
	const odd = (id: string) =>
		`{ id: ${id}, input: "{{ v }}", vars: { v: 3.10 }, tags: [1e3], expected_output: { n: 12345678901234567890 }, ${check} }`;
	const row = (id: string, more = "") =>
		`{"id": ${id}, "input": "{{ v }}", "vars": {"v": 3.10}, "criteria": "x", "metadata": {"m": 9007199254740993}${more}}\n`;
	const root = tempTree({
		"e/e.eval.yaml": `${target}tests:\n  - ${odd("007")}\n  - ../more.yaml\n  - ../rows.jsonl\n`,
		"more.yaml": `- ${odd("0x1F")}\n`,
		"rows.jsonl": row("9007199254740993"),
		"many/e.eval.yaml": `${target}tests: ../many.jsonl\n`,
		"many.jsonl": row("9007199254740993", `, "description": "${"x".repeat(300_000)}"`),
	});
	const text = (await makeBundle(join(root, "e/e.eval.yaml"), { cwd: root })).read("eval.yaml");
	for (const written of [
		'id: "007"',
		'id: "007"',
		'"0x1F"',
		'"9007199254740993"',
		"m: 9007199254740993",
		"n: 12345678901234567890",
		"1e3",
	])
		expect(text).toContain(written);
	expect(text.match(/v: 3\.10/g)).toHaveLength(3);
	const options = { cwd: root, captureEnv: true, output: join(root, "captured") };
	expect((await makeBundle(join(root, "e/e.eval.yaml"), options)).read("eval.yaml")).toBe(text);
	const rows = (await makeBundle(join(root, "many/e.eval.yaml"), { cwd: root })).read("data/tests.jsonl");
	expect(rows).toContain('"vars":{"v":3.10}');
	expect(rows).toContain('"m":9007199254740993');
});

test("never matches results of runs with patterns for tests and included files", async () => {
	const result = "eval/.agentv/results/runs/default/t/index.jsonl";
	const root = tempTree({
		"eval/e.eval.yaml": `${target}tests: ["**/*.jsonl"]\nbundle: {include: ["**/*.jsonl"]}\n`,
		"eval/more/two.jsonl": '{"id": "two", "input": "hi", "criteria": "x"}\n',
		[result]: '{"id": "old", "input": "hi", "criteria": "x"}\n',
	});
	const { read, output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).tests).toHaveLength(1);
	expect(Object.keys(treeOf(output)).sort()).toEqual(["eval.yaml", "manifest.json", "more/two.jsonl"]);
});
