import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { gradingFixture, scoreOf } from "./testing/grading-fixture.ts";

describe.each([
	["{type: contains, value: World}", "Hello World", "hello world"],
	["{type: icontains, value: World}", "hello WORLD", "hello"],
	["{type: contains-any, value: [red, blue]}", "deep blue", "green"],
	["{type: contains-all, value: [red, blue]}", "blue and red", "blue"],
	["{type: icontains-any, value: [RED]}", "red", "green"],
	["{type: icontains-all, value: [RED, Blue]}", "red blue", "red"],
	["{type: equals, value: '42'}", "42\n", "420"],
	["{type: equals, value: 42}", "42", "4 2"],
	["{type: starts-with, value: Dear}", "\nDear Sir", "My Dear"],
	["{type: ends-with, value: bye}", "good bye\n", "bye now"],
	["{type: regex, value: '^a+$'}", "aaa", "aab"],
	["{type: regex, value: '^b', flags: im}", "A\nB", "A"],
	["{type: is-json}", ' {"a": 1}\n', "{a: 1}"],
	["{type: is-json, schema: {type: object, required: [a]}}", '{"a": 1}', '{"b": 1}'],
	["{type: contains, value: x, negate: true}", "abc", "xyz"],
])("%s", (assertion, good, bad) => {
	test("passes and fails", async () => {
		expect(await scoreOf(assertion, good)).toBe(1);
		expect(await scoreOf(assertion, bad)).toBe(0);
	});
});

test("reports the actual answer as evidence", async () => {
	expect(await gradingFixture("{type: equals, value: yes}").grade({ output: "no" })).toMatchObject({
		verdict: "fail",
		assertions: [{ text: 'the answer equals "yes"', passed: false, evidence: 'it is "no"' }],
	});
});

test("reads the whole of an answer that is too large for memory", async () => {
	const outputFile = join(tempTree({ "answer.txt": `${"x".repeat(100)}end` }), "answer.txt");
	const graded = await gradingFixture("{type: ends-with, value: end}").grade({ output: "x".repeat(10), outputFile });
	expect(graded).toMatchObject({ score: 1 });
});

const deep = `${'{"x":'.repeat(40)}1${"}".repeat(40)}`;
const branch = (key: string) => `{type: object, properties: {x: {$ref: '#/$defs/a'}}, required: [${key}]}`;

describe.each([
	["a regular expression with catastrophic backtracking", "{type: regex, value: '^(a+)+$'}", `${"a".repeat(40)}b`],
	[
		"a regular expression that is slow to compile",
		`{type: regex, value: '${"(".repeat(20_000)}a${")".repeat(20_000)}'}`,
		"a",
	],
	[
		"a slow pattern in a JSON schema",
		"{type: is-json, schema: {type: string, pattern: '^(a+)+$'}}",
		JSON.stringify(`${"a".repeat(40)}b`),
	],
	[
		"a JSON schema with recursive branches",
		`{type: is-json, schema: {$defs: {a: {anyOf: [${branch("q")}, ${branch("z")}]}}, $ref: '#/$defs/a'}}`,
		deep,
	],
])("%s", (_, assertion, output) => {
	test("times out without blocking the process or the next grader", async () => {
		let turns = 0;
		const counting = setInterval(() => turns++, 100);
		const graded = await gradingFixture(assertion).grade({ output });
		clearInterval(counting);
		expect(graded).toMatchObject({ couldNotRun: { code: "timeout" } });
		expect(turns).toBeGreaterThan(3);
		expect(await scoreOf("{type: regex, value: b}", "abc")).toBe(1);
		expect(await scoreOf("{type: is-json, schema: {type: string}}", '"a"')).toBe(1);
	});
});

test("items of a list are unique regardless of the order of their keys", async () => {
	const assertion = "{type: is-json, schema: {uniqueItems: true}}";
	expect(await scoreOf(assertion, '[{"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1}]')).toBe(0);
	expect(await scoreOf(assertion, '[{"a": 1}, [["a", 1]], {"a": 2}]')).toBe(1);
});

test("a JSON schema reports what does not match", async () => {
	const schema = "{type: is-json, schema: {properties: {n: {type: number}}}}";
	expect(await gradingFixture(schema).grade({ output: '{"n": "one"}' })).toMatchObject({
		score: 0,
		assertions: [{ text: "the answer/n matches the schema", passed: false, evidence: "must be number" }],
	});
});

test.each([
	["an asynchronous JSON schema, whose promise would look like a success", "{$async: true, type: object}", "5"],
	["a property that the validator ignores", "{properties: {__proto__: {type: string}}}", '{"__proto__": 1}'],
])("%s is not supported", async (_, schema, output) => {
	const graded = await gradingFixture(`{type: is-json, schema: ${schema}}`).grade({ output });
	expect(graded).toMatchObject({ couldNotRun: { message: expect.stringContaining("is not supported") } });
});
