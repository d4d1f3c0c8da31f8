import { describe, expect, test } from "vitest";
import { gradingFixture, scoreOf } from "./testing/grading-fixture.ts";

const calls = (...tools: string[]) => ({ toolCalls: tools.map((tool) => ({ tool })) });

describe("tool-trajectory", () => {
	const expected = "expected: [{tool: a}, {tool: b}]";

	test.each([
		["any_order", ["b", "x", "a"], 1],
		["any_order", ["b"], 0.5],
		["in_order", ["a", "x", "b"], 1],
		["in_order", ["b", "a"], 0.5],
		["exact", ["a", "b"], 1],
		["exact", ["a", "b", "c"], 2 / 3],
		["superset", ["b", "a", "c"], 1],
		["subset", ["a", "a"], 1],
		["subset", ["a", "c"], 0.5],
		["subset", [], 1],
	])("with mode %s scores a, b against %j as %f", async (mode, tools, score) => {
		expect(await scoreOf(`{type: tool-trajectory, mode: ${mode}, ${expected}}`, calls(...tools))).toBeCloseTo(score);
	});

	test("counts calls", async () => {
		const minimums = "{type: tool-trajectory, mode: any_order, minimums: {a: 2, b: 1}}";
		expect(await scoreOf(minimums, calls("a", "b"))).toBe(0.5);
	});

	test.each([
		["exact", { q: 1, more: 2 }, 0],
		["exact", { q: 1 }, 1],
		["superset", { q: 1, more: 2 }, 1],
		["subset", {}, 1],
		["subset", { other: 1 }, 0],
		["ignore", { other: 1 }, 1],
		["[q]", { q: 1, more: 2 }, 1],
	])("compares arguments with args_match %s", async (how, input, score) => {
		const assertion = `{type: tool-trajectory, mode: in_order, args_match: ${how}, expected: [{tool: a, args: {q: 1}}]}`;
		expect(await scoreOf(assertion, { toolCalls: [{ tool: "a", input }] })).toBe(score);
	});
});

describe("limits", () => {
	test.each([
		["{type: latency, threshold: 100}", { durationMs: 100 }, 1],
		["{type: latency, threshold: 100}", { durationMs: 101 }, 0],
		["{type: cost, budget: 0.5}", { costUsd: 0.4 }, 1],
		["{type: token-usage, max_total: 10, max_output: 2}", { tokenUsage: { input: 5, output: 3 } }, 0],
		["{type: token-usage, max_input: 5}", { tokenUsage: { input: 5, output: 3 } }, 1],
		[
			"{type: execution-metrics, max_tool_calls: 1, max_tokens: 5}",
			{ ...calls("a"), tokenUsage: { input: 5, output: 3 } },
			0.5,
		],
	])("are graded: %s", async (assertion, subject, score) => {
		expect(await scoreOf(assertion, subject)).toBe(score);
	});

	test.each([
		["{type: cost, budget: 1}", {}, "the target does not report cost"],
		["{type: latency, threshold: 1}", {}, "the target does not report duration"],
		[
			"{type: token-usage, max_total: 1, max_output: 1}",
			{},
			"the target does not report tokens in all and output tokens",
		],
		[
			"{type: execution-metrics, max_llm_calls: 1, max_cost_usd: 1}",
			{},
			"the target does not report model calls and cost",
		],
		["{type: execution-metrics, target_exploration_ratio: 0}", {}, "the target does not report tool calls"],
		["{type: cost, budget: 1}", { costUsd: Number.NaN }, "the target does not report cost"],
		["{type: cost, budget: 1, negate: true}", {}, "the target does not report cost"],
		["{type: execution-metrics}", calls("a"), "the grader sets no limit"],
	])("can't be graded without data: %s with %j", async (assertion, subject, message) => {
		expect(await gradingFixture(assertion).grade(subject)).toMatchObject({ couldNotRun: { code: "no-data", message } });
	});

	test("are omitted if the values are unknown", async () => {
		const metrics = "{type: execution-metrics, max_tool_calls: 1, max_cost_usd: 1, target_exploration_ratio: 0.5}";
		const graded = await gradingFixture(metrics).grade({});
		expect(graded).toMatchObject({ score: 1, details: { not_reported: ["cost", "tool calls"] } });
		expect(graded).toHaveProperty("assertions.length", 1);
	});

	test("on a tool's time are ignored if the target does not report it", async () => {
		const steps = "{type: tool-trajectory, mode: any_order, expected: [{tool: a, max_duration_ms: 10}]}";
		expect(await gradingFixture(steps).grade(calls("a"))).toMatchObject({
			score: 1,
			assertions: [{ evidence: expect.stringContaining("its time limit is ignored") }],
		});
		expect(await scoreOf(steps, { toolCalls: [{ tool: "a", durationMs: 11 }] })).toBe(0);
	});
});

describe("field-accuracy", () => {
	const fields =
		"{type: field-accuracy, fields: [{path: 'items[0].price', match: numeric_tolerance, tolerance: 0.5}, {path: day, match: date}, {path: name, weight: 2}, {path: note, required: false}]}";
	const expectedOutput = JSON.stringify({ items: [{ price: 10 }], day: "2026-03-20", name: "A" });

	test("weighs the fields that match", async () => {
		const output = JSON.stringify({ items: [{ price: 10.4 }], day: "20-Mar-2026", name: "B" });
		expect(await scoreOf(fields, { output, expectedOutput })).toBe(0.5);
		expect(await scoreOf(fields, { output: `\`\`\`json\n${expectedOutput}\n\`\`\``, expectedOutput })).toBe(1);
		expect(await scoreOf(fields, { output: "no JSON", expectedOutput })).toBe(0);
	});

	test("ignores fields that the reference does not have", async () => {
		const output = JSON.stringify({ day: "2026-03-20", note: "x" });
		expect(await scoreOf(fields, { output, expectedOutput: JSON.stringify({ day: "2026-03-20" }) })).toBe(1);
		expect(await gradingFixture(fields).grade({ output, expectedOutput: '{"other":1}' })).toMatchObject({
			couldNotRun: { code: "no-data", message: expect.stringContaining("the expected output has none of the fields") },
		});
	});

	test.each(['["a.b"]', "a\\\\.b", "a.b"])("finds keys that contain dots by %s", async (path) => {
		const dotted = `{type: field-accuracy, fields: [{path: ${path.includes("[") ? `'${path}'` : `"${path}"`}}]}`;
		const expectedOutput = '{"a.b": 1}';
		expect(await scoreOf(dotted, { output: '{"a.b": 1}', expectedOutput })).toBe(1);
		expect(await scoreOf(dotted, { output: '{"a.b": 2}', expectedOutput })).toBe(0);
	});

	test("parses no date by a format that repeats a part, with any number of digits", async () => {
		const assertion = `{type: field-accuracy, fields: [{path: a, match: date, formats: ["${"MD".repeat(40)}"]}]}`;
		const output = JSON.stringify({ a: `${"1".repeat(120)}x` });
		expect(await scoreOf(assertion, { output, expectedOutput: '{"a": "2026-03-20"}' })).toBe(0);
	});

	test("could not run if no field can be compared", async () => {
		const optional = "{type: field-accuracy, aggregation: all_or_nothing, fields: [{path: a, required: false}]}";
		expect(await gradingFixture(optional).grade({ output: "{}", expectedOutput: '{"a":1}' })).toMatchObject({
			couldNotRun: { code: "no-data" },
		});
	});

	test("could not run without an expected answer", async () => {
		expect(await gradingFixture(fields).grade({ output: "{}" })).toMatchObject({
			couldNotRun: { code: "expected-output" },
		});
	});
});

describe("skill-trigger", () => {
	test.each([
		[{ toolCalls: [{ tool: "Skill", input: { skill: "my-plugin:pdf" } }] }, 1],
		[{ toolCalls: [{ tool: "Read", input: { file_path: "/x/.claude/skills/pdf/SKILL.md" } }] }, 1],
		[{ toolCalls: [{ tool: "Read", input: { file_path: "/x/pdf.md" } }] }, 0],
		[{}, 0],
	])("scores %j", async (subject, score) => {
		expect(await scoreOf("{type: skill-trigger, skill: pdf}", subject)).toBe(score);
		expect(await scoreOf("{type: skill-trigger, skill: pdf, should_trigger: false}", subject)).toBe(1 - score);
	});
});
