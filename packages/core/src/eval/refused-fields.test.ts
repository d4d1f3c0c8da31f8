import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { loadTargets } from "./load-targets.ts";
import { resolveTarget } from "./resolve-target.ts";
import { openDiskView } from "./source.ts";
import { findingsOf, loadTree, oneTest } from "./testing/load-text.ts";

const asserts = (text: string) => oneTest("input: x", `assertions: [${text}]`);
const errorsOf = (text: string) =>
	findingsOf(loadTree({ "eval.yaml": text }))
		.filter((found) => found.includes(" error "))
		.map((found) => found.replace(/^eval\.yaml:\d+:\d+ error /, ""));

describe("an unknown key", () => {
	test.each([
		["valu", "{ type: contains, value: x, valu: y }"],
		["outcom", "{ type: rubrics, criteria: [{ outcome: x, outcom: y }] }"],
		["outcomes", "{ type: rubrics, criteria: [{ score_ranges: [{ score_range: [0, 1], outcome: x, outcomes: y }] }] }"],
		["pth", "{ type: field-accuracy, fields: [{ path: a, pth: b }] }"],
		["arg", "{ type: tool-trajectory, mode: any_order, expected: [{ tool: x, arg: y }] }"],
		["confg", "{ type: llm-grader, prompt: { command: x, confg: {} } }"],
		[
			"wieghts",
			"{ type: composite, assertions: [{ type: equals, value: x }], aggregator: { type: threshold, wieghts: {} } }",
		],
		["flag", "{ type: composite, assertions: [{ type: regex, value: x, flag: i }], aggregator: { type: threshold } }"],
		["weight", "{ include: ./t.yaml, weight: 2 }"],
	])("of a grader is an error: %s in %s", (key, text) => {
		const found = findingsOf(loadTree({ "eval.yaml": asserts(text), "t.yaml": "[{ type: equals, value: x }]" }));
		expect(found.filter((one) => one.includes("unknown field"))).toEqual([
			expect.stringContaining(` error schema.unknown-field unknown field "${key}"`),
		]);
	});

	test("of a grader is allowed if it begins with x-, or if a program or a custom type reads it", () => {
		const loaded = loadTree({
			"eval.yaml": `x-note: 1\n${oneTest(
				...["x-owner: me", "input: x", "assertions:"],
				...["  - { type: equals, value: x, x-why: y }", "  - { type: code-grader, command: node x.mjs, depth: 3 }"],
				...["  - { type: mine, depth: 4, x-why: y }", "  - { type: rubrics, criteria: [{ outcome: x, x-why: y }] }"],
			)}`,
			".agentv/graders/mine.mjs": "",
		});
		expect(findingsOf(loaded)).toEqual([]);
		expect(loaded.tests[0]?.assertions.map(({ rest }) => rest)).toEqual([
			{ "x-why": "y" },
			{ depth: 3 },
			{ depth: 4, "x-why": "y" },
			{},
		]);
	});

	test("elsewhere is a warning", () => {
		expect(findingsOf(loadTree({ "eval.yaml": oneTest("input: x", "criteria: y", "critera: z") }))).toEqual([
			'eval.yaml:5:5 warning schema.unknown-field unknown field "critera"',
		]);
	});
});

describe("two spellings of one field", () => {
	const contains = "[{ type: contains, value: x }]";
	test.each([
		["assertions", "evaluators", oneTest("input: x", `assertions: ${contains}`, `evaluators: ${contains}`)],
		["assertions", "assert", oneTest("input: x", `assert: ${contains}`, `assertions: ${contains}`)],
		["assert", "evaluators", oneTest("input: x", `assert: ${contains}`, `evaluators: ${contains}`)],
		[
			"assertions",
			"execution.evaluators",
			oneTest("input: x", `assertions: ${contains}`, `execution: { evaluators: ${contains} }`),
		],
		["criteria", "expected_outcome", oneTest("input: x", "criteria: y", "expected_outcome: y")],
		[
			"repeat",
			"execution.trials",
			oneTest("input: x", "criteria: y", "repeat: 2", "execution: { trials: { count: 2 } }"),
		],
		["target", "execution.target", oneTest("input: x", "criteria: y", "target: a", "execution: { target: b }")],
		["assertions", "evaluators", `assertions: ${contains}\nevaluators: ${contains}\n${oneTest("input: x")}`],
		["tests", "eval_cases", `${oneTest("input: x", "criteria: y")}eval_cases: []\n`],
		["tests", "evalcases", `${oneTest("input: x", "criteria: y")}evalcases: []\n`],
		[
			"threshold",
			"execution.threshold",
			`threshold: 0.5\nexecution: { threshold: 0.6 }\n${oneTest("input: x", "criteria: y")}`,
		],
		["target", "targets", `target: a\ntargets: [b]\n${oneTest("input: x", "criteria: y")}`],
		["target", "execution.targets", `target: a\nexecution: { targets: [b] }\n${oneTest("input: x", "criteria: y")}`],
		[
			"budget_usd",
			"cost_limit_usd",
			`budget_usd: 1\nexecution: { trials: { count: 1, cost_limit_usd: 2 } }\n${oneTest("input: x", "criteria: y")}`,
		],
		["command", "script", asserts("{ type: code-grader, command: a, script: b }")],
		[
			"timeout_seconds",
			"timeout_ms",
			asserts("{ type: code-grader, command: a, timeout_seconds: 1, timeout_ms: 1000 }"),
		],
		["min_score", "required", asserts("{ type: equals, value: x, required: 0.5, min_score: 0.6 }")],
		[
			"min_score",
			"required_min_score",
			asserts("{ type: rubrics, criteria: [{ outcome: x, min_score: 1, required_min_score: 1 }] }"),
		],
		[
			"assertions",
			"evaluators",
			asserts(`{ type: composite, assertions: ${contains}, evaluators: ${contains}, aggregator: { type: threshold } }`),
		],
		[
			"command",
			"path",
			asserts(`{ type: composite, assertions: ${contains}, aggregator: { type: code-grader, command: a, path: b } }`),
		],
		["command", "script", `hooks: { before_all: { command: a, script: b } }\n${oneTest("input: x", "criteria: y")}`],
		[
			"workspace.hooks.before_all",
			"hooks.before_all",
			`hooks: { before_all: a }\nworkspace: { hooks: { before_all: b } }\n${oneTest("input: x", "criteria: y")}`,
		],
		["isolation", "mode", `workspace: { isolation: shared, mode: temp }\n${oneTest("input: x", "criteria: y")}`],
		[
			"repo",
			"source.url",
			`workspace: { repos: [{ repo: a/b, source: { url: c } }] }\n${oneTest("input: x", "criteria: y")}`,
		],
		[
			"commit",
			"base_commit",
			`workspace: { repos: [{ repo: a/b, commit: c, base_commit: c }] }\n${oneTest("input: x", "criteria: y")}`,
		],
		[
			"commit",
			"checkout.ref",
			`workspace: { repos: [{ repo: a/b, commit: c, checkout: { ref: d } }] }\n${oneTest("input: x", "criteria: y")}`,
		],
		[
			"sparse",
			"clone.sparse",
			`workspace: { repos: [{ repo: a/b, sparse: [c], clone: { sparse: [d] } }] }\n${oneTest("input: x", "criteria: y")}`,
		],
	])("%s and %s conflict, in an error that names both: %s", (first, second, text) => {
		expect(errorsOf(text)).toContain(`schema.conflict "${first}" and "${second}" are two spellings of one field`);
	});

	test.each([
		`threshold: 0.5\nexecution: { threshold: 0.5 }\n${oneTest("input: x", "criteria: y")}`,
		oneTest("input: x", "criteria: y", "target: a", "execution: { target: a }"),
		`hooks: { before_all: a }\nworkspace: { hooks: { before_all: a, after_all: b } }\n${oneTest("input: x", "criteria: y")}`,
		`workspace: { repos: [{ repo: a/b, commit: c, checkout: { ancestor: 1 }, clone: { sparse: [d] } }] }\n${oneTest("input: x", "criteria: y")}`,
	])("are allowed if the older block repeats the value or sets other fields: %s", (text) => {
		expect(errorsOf(text)).toEqual([]);
	});

	test.each([
		["grader_target", "judge_target", "provider: mock, grader_target: a, judge_target: b"],
		["base_url", "endpoint", "provider: openai, model: m, base_url: 'http://a', endpoint: 'http://b'"],
		["max_output_tokens", "max_tokens", "provider: openai, model: m, max_output_tokens: 1, max_tokens: 2"],
		["files_format", "attachments_format", "provider: cli, command: a, files_format: b, attachments_format: c"],
	])("are an error of a target that is used: %s and %s", (first, second, settings) => {
		const found = resolve(`targets: [{ name: t, ${settings} }]`);
		expect(found).toMatchObject({ ok: false });
		expect(found.diagnostics.map(({ message }) => message)).toContain(
			`"${first}" and "${second}" are two spellings of one field`,
		);
	});

	test("override each other along a chain of targets", () => {
		const text =
			"targets: [{ name: t, use_target: b, judge_target: mine }, { name: b, provider: mock, grader_target: base }]";
		expect(resolve(text)).toMatchObject({ ok: true, target: { graderTarget: "mine" } });
	});
});

function resolve(targets: string) {
	const root = tempTree({ "targets.yaml": targets });
	const scope = { directory: root, root, rootKind: "eval-directory" } as const;
	const loaded = loadTargets(scope, { view: openDiskView(), env: {} });
	expect(loaded.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
	return resolveTarget({ name: "t", at: { file: join(root, "eval.yaml") } }, loaded);
}

describe("an unsupported setting", () => {
	const rest = oneTest("input: x", "criteria: y");
	test.each([
		["docker", `workspace: { docker: { image: node } }\n${rest}`],
		["path", `workspace: { path: /srv/app }\n${rest}`],
		["depth", `workspace: { repos: [{ repo: a/b, clone: { depth: 1 } }] }\n${rest}`],
		["reset", `workspace: { hooks: { after_all: { command: a, reset: fast } } }\n${rest}`],
		["cache", `execution: { cache: true }\n${rest}`],
		["fail_on_error", `execution: { fail_on_error: true }\n${rest}`],
		["skip_defaults", `execution: { skip_defaults: true }\n${rest}`],
		["workers", oneTest("input: x", "criteria: y", "execution: { workers: 2 }")],
		["targets", oneTest("input: x", "criteria: y", "execution: { targets: [a] }")],
		["cost_limit_usd", oneTest("input: x", "criteria: y", "execution: { trials: { count: 1, cost_limit_usd: 1 } }")],
		["model", asserts("{ type: llm-grader, model: gpt }")],
		["config", asserts("{ type: llm-grader, prompt: Is it?, config: { a: 1 } }")],
		["preprocessors", asserts("{ type: llm-grader, preprocessors: [{ type: pdf, command: a }] }")],
		["target", asserts("{ type: code-grader, command: a, target: true }")],
		["minimums with mode exact", asserts("{ type: tool-trajectory, mode: exact, minimums: { a: 1 } }")],
		["exploration_tolerance", asserts("{ type: execution-metrics, max_tokens: 1, exploration_tolerance: 0.1 }")],
		[
			"weights",
			asserts(
				"{ type: composite, assertions: [{ type: equals, value: x }], aggregator: { type: threshold, weights: { equals: 1 } } }",
			),
		],
	])("is an error that names it: %s", (key, text) => {
		expect(errorsOf(text)).toContain(`schema.unsupported "${key}" is not supported`);
	});

	test.each([
		`execution: { cache: false, fail_on_error: false, skip_defaults: false }\n${rest}`,
		`workspace: { docker: false }\n${rest}`,
		asserts("{ type: code-grader, command: a, target: false }"),
	])("is accepted if it is turned off: %s", (text) => {
		expect(errorsOf(text)).toEqual([]);
	});

	test.each([
		["workspace: { mode: static }\n", "workspace.mode"],
		["execution: { trials: { count: 2, strategy: confidence_interval } }\n", "execution.trials.strategy"],
	])("may also be an unknown value: %s", (text, field) => {
		expect(errorsOf(`${text}${rest}`)[0]).toMatch(
			new RegExp(`^schema.shape ${field.replace("workspace.", "(workspace\\.)?")}`),
		);
	});

	test.each([
		["acp", "command: a, model: m", "model"],
		["claude", "thinking: high", "thinking"],
		["codex", "max_turns: 3", "max_turns"],
		["copilot-cli", "permission_mode: plan", "permission_mode"],
		["copilot-cli", "byok: { type: azure }", "byok"],
		["pi-cli", "subprovider: openai, base_url: 'https://x.example'", "base_url"],
		["anthropic", "model: m, deployment: d", "deployment"],
	])("is an error of a target that is used: %s %s", (provider, settings, key) => {
		const found = resolve(`targets: [{ name: t, provider: ${provider}, ${settings} }]`);
		expect(found.ok).toBe(false);
		expect(found.diagnostics.map(({ message }) => message)).toEqual([`"${key}" is not supported`]);
	});

	test("is a warning if it only affects logging", () => {
		const found = resolve(
			"targets: [{ name: t, provider: claude, verbose: true, log_dir: x, stream_log: raw, log_format: json }]",
		);
		expect(found.ok).toBe(true);
		expect(found.diagnostics.map(({ severity }) => severity)).toEqual(["warning", "warning", "warning", "warning"]);
	});
});
