import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { makeBundle } from "./testing/make-bundle.ts";

const assertion = "assertions: [{type: contains, value: hi}]";
const tests = `tests: [{id: a, input: hi, ${assertion}}]\n`;
const git = { ".git/HEAD": "ref: refs/heads/main\n" };

test("defines only the targets in use, flat and under the name that the eval uses, with graders and fallbacks", async () => {
	const root = tempTree({
		...git,
		"evals/e.eval.yaml": `target: main\ntests: [{id: a, input: hi, criteria: good}]\n`,
		"targets.yaml": `targets:
  - name: main
    use_target: worker
    timeout_seconds: 5
  - name: worker
    provider: openai
    api_key: \${{ OPENAI_API_KEY }}
    model: \${{ MODEL:-small }}
    grader_target: \${{ JUDGE:-judge }}
    fallback_targets: [spare]
  - {name: judge, provider: mock, response: hi}
  - {name: spare, provider: mock, response: hi}
  - {name: unused, provider: cli, command: ./missing.sh}
`,
	});
	const { read, manifest } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(parse(read("targets.yaml")).targets).toEqual([
		{
			name: "main",
			provider: "openai",
			api_key: "${{ OPENAI_API_KEY }}",
			model: "${{ MODEL:-small }}",
			grader_target: "judge",
			fallback_targets: ["spare"],
			timeout_seconds: 5,
		},
		{ name: "judge", provider: "mock", response: "hi" },
		{ name: "spare", provider: "mock", response: "hi" },
	]);
	expect(manifest.variables).toMatchObject([
		{ name: "MODEL", required: false },
		{ name: "OPENAI_API_KEY", required: true },
	]);
});

test("redirects each file's paths and working directory to the copies in the bundle", async () => {
	const root = tempTree({
		...git,
		"evals/e.eval.yaml": `target: agent\n${tests}`,
		".agentv/targets.yaml": `targets:
  - name: agent
    provider: cli
    command: node ./agent.mjs --prompt {PROMPT_FILE} --data ../data/x.json
    healthcheck: node ./health.mjs
    hooks: {before_all: [node, ./hook.mjs]}
`,
		".agentv/agent.mjs": 'import "../lib/a.mjs";',
		".agentv/health.mjs": "",
		".agentv/hook.mjs": "",
		"lib/a.mjs": "",
		"data/x.json": "{}",
	});
	const { read } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(parse(read("targets.yaml")).targets[0]).toEqual({
		name: "agent",
		provider: "cli",
		command: "node ./scripts/.agentv/agent.mjs --prompt {PROMPT_FILE} --data ./scripts/data/x.json",
		healthcheck: { command: "node ./health.mjs", cwd: "./scripts/.agentv" },
		hooks: { before_all: { command: ["node", "./hook.mjs"], cwd: "./scripts/.agentv" } },
	});
	expect(read("scripts/lib/a.mjs")).toBe("");
});

test("resolves a target chosen by a variable with its current value, also in the eval", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: \${{ AGENT:-one }}\n${tests}`,
		"eval/targets.yaml":
			'targets: [{name: one, provider: mock}, {name: two, use_target: "${{ REAL }}"}, {name: three, provider: mock}]',
	});
	const env = { AGENT: "two", REAL: "three" };
	const { read, manifest, plan } = await makeBundle(join(root, "eval/e.eval.yaml"), { env });
	expect(parse(read("eval.yaml")).target).toBe("two");
	expect(parse(read("targets.yaml")).targets).toEqual([{ name: "two", provider: "mock" }]);
	expect(manifest.targets).toEqual([
		{
			name: "two",
			via: [
				{ name: "two", chosenBy: ["REAL"] },
				{ name: "three", chosenBy: [] },
			],
		},
	]);
	expect(plan.warnings.map(({ rule }) => rule)).toEqual(["targets.chosen-by-variable"]);
	const unset = makeBundle(join(root, "eval/e.eval.yaml"), { env: { AGENT: "two" }, output: join(root, "other") });
	await expect(unset).rejects.toMatchObject({
		code: "refused",
		diagnostics: [{ rule: "env.unset", hint: expect.stringContaining("--target NAME") }],
	});
});

test("--target replaces every choice of a target, and --targets every targets file", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: one\nexecution: {target: one, workers: 2}\ntests: [{id: a, input: hi, target: one, ${assertion}}]\n`,
		"eval/targets.yaml": "targets: [{name: one, provider: mock}, {name: two, provider: mock, response: old}]",
		"mine.yaml": "targets: [{name: two, provider: mock, response: new}]",
	});
	const file = join(root, "eval/e.eval.yaml");
	const one = await makeBundle(file, { targets: ["two"], targetsFile: join(root, "mine.yaml") });
	expect(parse(one.read("eval.yaml"))).toEqual({
		name: "e",
		target: "two",
		execution: { workers: 2 },
		tests: [{ id: "a", input: "hi", assertions: [{ type: "contains", value: "hi" }] }],
	});
	expect(parse(one.read("targets.yaml")).targets).toEqual([{ name: "two", provider: "mock", response: "new" }]);
	const both = await makeBundle(file, { targets: ["one", "two"], output: join(root, "both") });
	expect(parse(both.read("eval.yaml")).targets).toEqual(["one", "two"]);
});

test("keeps inline targets in the eval and defines what they extend", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: {name: fast, extends: base, delay_ms: 1}\n${tests}`,
		"eval/targets.yaml": "targets: [{name: base, use_target: real}, {name: real, provider: mock, response: hi}]",
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("eval.yaml")).target).toEqual({ name: "fast", extends: "base", delay_ms: 1 });
	expect(parse(read("targets.yaml")).targets).toEqual([{ name: "base", provider: "mock", response: "hi" }]);
});

test("includes replay fixtures", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: again\n${tests}`,
		"eval/targets.yaml": "targets: [{name: again, provider: replay, fixtures: ./recorded/a.jsonl}]",
		"eval/recorded/a.jsonl": '{"test_id": "a", "output": "hi"}\n',
	});
	const { read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(parse(read("targets.yaml")).targets[0].fixtures).toBe("./data/a.jsonl");
});
