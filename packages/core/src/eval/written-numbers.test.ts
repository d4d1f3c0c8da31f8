import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findingsOf, loadTree, oneTest } from "./testing/load-text.ts";

const spellings = ["007", "3.10", "1e3", "0x1F", "12345678901234567890", "9007199254740993", "-0", "1_000", "0.10"];
const jsonNumbers = ["3.10", "1e3", "12345678901234567890", "9007199254740993", "-0", "1E+2", "10.0"];

describe.each(spellings)("%s in YAML", (number) => {
	test("keeps its spelling in every field that is text", () => {
		const loaded = loadTree({
			"eval.yaml": `version: ${number}
tests:
  - id: ${number}
    input: version {{ v }} of {{ deep.w }} in {{ whole }}
    vars: { v: ${number}, deep: { w: ${number} }, whole: { n: [${number}] } }
    expected_output: ${number}
    tags: [${number}]
    conversation_id: ${number}
    rubrics: [{ id: ${number}, outcome: x }]
    assertions:
      - { type: contains, value: ${number} }
      - { type: equals, value: ${number}, name: ${number} }
      - { type: contains-any, value: [x, ${number}] }
      - { type: regex, value: ${number} }
  - { id: b, input: x, criteria: y, depends_on: ${number} }
  - { id: c, input: x, criteria: y, depends_on: [${number}] }
workspace:
  repos: [{ repo: acme/app, path: app, commit: ${number} }, { repo: acme/b, path: b, checkout: { ref: ${number} } }]
  env: { V: ${number} }
`,
		});
		const [first, second, third] = loaded.tests;
		expect(findingsOf(loaded).filter((found) => found.includes(" error "))).toEqual([]);
		expect(first?.id).toBe(number);
		expect(first?.input[0]?.content).toMatch(`version ${number} of ${number} in {"n":[`);
		expect(first?.expectedOutput).toBe(number);
		expect([first?.tags, first?.conversationId]).toEqual([[number], number]);
		expect(first?.assertions.map(({ settings }) => settings)).toMatchObject([
			{ value: number },
			{ value: number },
			{ value: ["x", number] },
			{ value: number },
			{ criteria: [{ id: number, outcome: "x" }] },
		]);
		expect(first?.assertions[1]?.name).toBe(number);
		expect([second?.dependsOn, third?.dependsOn]).toEqual([[number], [number]]);
		expect(loaded.suite.workspace?.repos.map(({ commit }) => commit)).toEqual([number, number]);
		expect(loaded.suite.workspace?.env).toEqual({ V: number });
	});
});

test.each(jsonNumbers)("%s in JSON Lines keeps its spelling", (number) => {
	const row = `{"id": ${number}, "input": "{{ v }}", "vars": {"v": ${number}}, "expected_output": {"n": [${number}]}, "assertions": [{"type": "equals", "value": ${number}}]}`;
	const loaded = loadTree(
		{ "tests.jsonl": `${row}\n{"id": "b", "input": "x", "criteria": "y", "depends_on": [${number}]}\n` },
		{ entry: "tests.jsonl" },
	);
	expect(findingsOf(loaded)).toEqual([]);
	const [first, second] = loaded.tests;
	expect([first?.id, first?.input[0]?.content, second?.dependsOn]).toEqual([number, number, [number]]);
	expect(first?.expectedOutput).toBe(`{\n  "n": [\n    ${number}\n  ]\n}`);
	expect(first?.assertions[0]?.settings).toMatchObject({ value: number });
});

test("keeps the digits of integers beyond 2^53 in the input of programs", () => {
	const loaded = loadTree({
		"eval.yaml": `metadata: { order: 9007199254740993, small: 12 }
${oneTest(
	"input: x",
	"metadata: { issue: [12345678901234567890] }",
	"assertions:",
	"  - { type: code-grader, command: node x.mjs, id: 9007199254740993, config: { deep: { n: 9007199254740993 } } }",
)}`,
	});
	expect(loaded.tests[0]?.metadata).toEqual({
		order: "9007199254740993",
		small: 12,
		issue: ["12345678901234567890"],
	});
	expect(loaded.tests[0]?.assertions[0]).toMatchObject({
		rest: { id: "9007199254740993" },
		settings: { config: { deep: { n: "9007199254740993" } } },
	});
});

test("keeps ids apart that JavaScript would round to the same number", () => {
	const rows = [9007199254740992n, 9007199254740993n].map((id) => `{"id": ${id}, "input": "x", "criteria": "y"}`);
	const loaded = loadTree({ "tests.jsonl": rows.join("\n") }, { entry: "tests.jsonl" });
	expect(findingsOf(loaded)).toEqual([]);
	expect(loaded.tests.map(({ id }) => id)).toEqual(["9007199254740992", "9007199254740993"]);
});

test.each([
	['{"id": 007, "input": "x", "criteria": "y"}', 8, 'the number 007 at column 8 has a leading 0; write "007"'],
	['{"id": "a", "input": "x", "criteria": "y", "id": "b"}', 44, 'The key "id" is duplicated in this mapping'],
	['{"id": "a", "metadata": {"k": 1, "\\u006b": 2}}', 34, 'The key "k" is duplicated in this mapping'],
])("%s is an error at its column", (row, column, message) => {
	const loaded = loadTree(
		{ "tests.jsonl": `{"id":"z","input":"x","criteria":"y"}\n${row}\n` },
		{ entry: "tests.jsonl" },
	);
	const [found, ...others] = findingsOf(loaded);
	expect(others).toEqual([]);
	expect(found).toMatch(`tests.jsonl:2:${column} error yaml.syntax`);
	expect(found).toContain(message);
	expect(loaded.tests.map(({ id }) => id)).toEqual(["z"]);
});

test.each(["eval.yaml", "evals.json"])("a duplicate key is an error in %s", (name) => {
	const json = '{"skill_name": "s", "evals": [{"id": "a", "prompt": "x", "id": "b"}]}';
	const text = name === "evals.json" ? json : "tests:\n  - id: a\n    input: x\n    criteria: y\n    input: z\n";
	const loaded = loadTree({ [name]: text }, { entry: name });
	expect(findingsOf(loaded)[0]).toMatch(/ error yaml\.syntax The key `\w+` is duplicated in this mapping/);
});

test("ids and variables keep the text of any JSON number", () => {
	const digits = fc.stringMatching(/^(0|[1-9]\d{0,30})(\.\d{1,20})?([eE][+-]?\d{1,2})?$/);
	fc.assert(
		fc.property(digits, fc.boolean(), (text, isNegative) => {
			const number = `${isNegative ? "-" : ""}${text}`;
			const row = `{"id":${number},"input":"{{ v.n }}","criteria":"y","vars":{"v":{"n":${number}}}}`;
			const loaded = loadTree({ "tests.jsonl": row }, { entry: "tests.jsonl" });
			expect(loaded.tests.map(({ id, input }) => [id, input[0]?.content])).toEqual([[number, number]]);
		}),
		law(50),
	);
});
