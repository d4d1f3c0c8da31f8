import { describe, expect, test } from "vitest";
import { checkJsonSchemas } from "./check-tests.ts";
import { findingsOf, loadTree, oneTest } from "./testing/load-text.ts";

const asserts = (text: string) => oneTest("input: x", `assertions: [${text}]`);
const errorsOf = (text: string) =>
	findingsOf(loadTree({ "eval.yaml": text }))
		.filter((found) => found.includes(" error "))
		.map((found) => found.replace(/^eval\.yaml:\d+:\d+ error /, ""));

describe("a grader that could only pass or never run", () => {
	test.each([
		"{ type: contains, value: '' }",
		"{ type: icontains, value: '' }",
		"{ type: starts-with, value: '' }",
		"{ type: ends-with, value: '' }",
		"{ type: regex, value: '' }",
		"{ type: contains-any, value: [a, ''] }",
		"{ type: icontains-all, value: [] }",
		"{ type: tool-trajectory, mode: any_order }",
		"{ type: tool-trajectory, mode: in_order, expected: [] }",
		"{ type: regex, value: '(' }",
		"{ type: regex, value: a, flags: q }",
		"{ type: composite, assertions: [{ type: equals, value: x }], aggregator: { type: code-grader } }",
		"{ type: field-accuracy, fields: [{ path: a, tolerance: 1 }] }",
		`{ type: field-accuracy, fields: [{ path: ${"a.".repeat(600)}b }] }`,
	])("is an error: %s", (text) => {
		expect(errorsOf(text.includes("field-accuracy") ? asserts(text) : asserts(text)).length).toBeGreaterThan(0);
	});

	test.each([
		["{ type: regex, value: a, flags: q }", "q"],
		["{ type: regex, value: '(' }", "'('"],
	])("is located at the wrong value: %s", (text, at) => {
		const source = asserts(text);
		const column = (source.split("\n")[3] ?? "").indexOf(` ${at} }`) + 2;
		expect(findingsOf(loadTree({ "eval.yaml": source }))[0]).toMatch(`eval.yaml:4:${column} error assertions.regex`);
	});

	test("is an error even if the value comes from a variable", () => {
		expect(
			errorsOf(oneTest("input: x", "vars: { v: '' }", "assertions: [{ type: contains, value: '{{ v }}' }]")),
		).toContain("schema.shape value: must not be empty");
	});

	test.each(["{ type: token-usage }", "{ type: execution-metrics, weight: 2 }"])(
		"gets a warning if it has no bound: %s",
		(text) => {
			expect(findingsOf(loadTree({ "eval.yaml": asserts(text) }))[0]).toMatch(
				/ warning schema\.shape .*otherwise it is not graded$/,
			);
		},
	);

	test("is not an equals grader that expects an empty answer", () => {
		expect(errorsOf(asserts("{ type: equals, value: '' }"))).toEqual([]);
	});
});

describe("a JSON Schema", () => {
	const problems = async (schema: string) =>
		(await checkJsonSchemas(loadTree({ "eval.yaml": asserts(`{ type: is-json, schema: ${schema} }`) }))).map(
			({ rule, message }) => `${rule} ${message}`,
		);

	test.each([
		["{ type: strin }", "data/type must be equal to one of the allowed values"],
		["{ $ref: '#/$defs/none' }", "can't resolve reference #/$defs/none"],
		["{ properties: { a: { pattern: '(' } } }", "Unterminated group"],
		["{ $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: 3 }", "prefixItems must be array"],
	])("%s is refused", async (schema, reason) => {
		const [found] = await problems(schema);
		expect(found).toMatch(/^assertions\.json-schema invalid JSON Schema: /);
		expect(found).toContain(reason);
	});

	test.each(["{ type: object, properties: { a: { pattern: '^a$' } } }", "true", "{ format: date }"])(
		"%s is accepted",
		async (schema) => {
			expect(await problems(schema)).toEqual([]);
		},
	);
});

describe("a path of field-accuracy", () => {
	const fields = (...paths: readonly string[]) =>
		`assertions: [{ type: field-accuracy, fields: [${paths.map((path) => `{ path: ${path} }`).join(", ")}] }]\n`;
	const reference = (id: string, value: string) => `  - { id: ${id}, input: x, expected_output: ${value} }\n`;

	test("is an error if every reference lacks it", () => {
		const text = `${fields("total", "totl")}tests:\n${reference("a", "{ total: 1 }")}${reference("b", "{ total: 2 }")}`;
		const loaded = loadTree({ "eval.yaml": text });
		expect(findingsOf(loaded)).toEqual([
			`eval.yaml:1:${text.indexOf("totl") + 1} error assertions.field-path none of the compared \`expected_output\` values has the field "totl"`,
		]);
		expect(loaded.diagnostics[0]?.hint).toBe('did you mean "total"?');
	});

	test("is accepted if one reference has it, in any notation", () => {
		const paths = ["a.b", `'items[0].c'`, `items.0.c`, `'["x.y"].z'`, String.raw`x\.y.z`, `x.y`];
		const text = `${fields(...paths)}tests:\n${reference("a", "{}")}${reference("b", "{ a: { b: null }, items: [{ c: 1 }], x.y: { z: 1 } }")}`;
		expect(findingsOf(loadTree({ "eval.yaml": text }))).toEqual([]);
	});

	test("is checked against the turn's reference, fenced JSON and text", () => {
		const grader = "assertions: [{ type: field-accuracy, fields: [{ path: n }] }]";
		const text = `tests:
  - id: a
    mode: conversation
    turns:
      - { input: x, expected_output: { n: 1 }, ${grader} }
      - { input: x, expected_output: { m: 1 }, ${grader} }
  - id: b
    input: x
    expected_output: "\`\`\`json\\n{\\"n\\": 1}\\n\`\`\`"
    ${grader}
  - id: c
    input: x
    expected_output: none
    ${grader}
`;
		expect(
			findingsOf(loadTree({ "eval.yaml": text })).map((found) =>
				found.replace(/^eval.yaml:(\d+):\d+ (?:error|warning) /, "$1 "),
			),
		).toEqual([
			'6 assertions.field-path none of the compared `expected_output` values has the field "n"',
			'14 assertions.field-path no JSON `expected_output` to compare the field "n" with',
		]);
	});
});

test("turns a test's rubrics into a grader of type rubrics, in addition to the others", () => {
	const text = oneTest(
		"input: x",
		"rubrics:",
		"  - names the port",
		"  - { id: tone, outcome: polite, weight: 2, required: true }",
	);
	const loaded = loadTree({ "eval.yaml": `${text}    assertions: [{ type: equals, value: y }]\n` });
	expect(findingsOf(loaded)).toEqual([]);
	expect(loaded.tests[0]?.assertions).toMatchObject([
		{ type: "equals" },
		{
			type: "rubrics",
			name: "rubrics",
			weight: 1,
			settings: { criteria: ["names the port", { id: "tone", outcome: "polite", weight: 2, required: true }] },
		},
	]);
	expect(errorsOf(oneTest("input: x", "rubrics: [{ outcme: x }]")).length).toBeGreaterThan(0);
});

test("accepts an llm-grader with both prompt and rubrics", () => {
	const text = asserts(
		"{ type: llm-grader, prompt: 'Is {{ output }} right by {{ rubrics }}?', rubrics: [short, { id: b, outcome: x }] }",
	);
	expect(findingsOf(loadTree({ "eval.yaml": text }))).toEqual([]);
	expect(loadTree({ "eval.yaml": text }).tests[0]?.assertions[0]?.settings).toMatchObject({
		prompt: "Is {{ output }} right by {{ rubrics }}?",
		rubrics: ["short", { id: "b", outcome: "x" }],
	});
});

test("adds input files of a conversation without an input to its first turn", () => {
	const text = oneTest("mode: conversation", "input_files: [./a.txt]", "turns: [{ input: x }, { input: y }]");
	const [first, second] = loadTree({ "eval.yaml": text, "a.txt": "" }).tests[0]?.turns ?? [];
	expect(first?.input[0]?.content).toMatchObject([
		{ type: "file", path: { raw: "./a.txt" } },
		{ type: "text", text: "x" },
	]);
	expect(second?.input[0]?.content).toBe("y");
	expect(
		errorsOf(oneTest("input: [{ role: system, content: x }]", "input_files: [./a.txt]", "criteria: y"))[0],
	).toContain("no `user` message");
});
