import { cpuMs, law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findJsonValues } from "./json.ts";

const shown = (text: string) =>
	findJsonValues(text).map(({ kind, start, end }) => `${kind} ${text.slice(start, end).trim()}`);

describe("JSON values among other text", () => {
	test.each([
		["words, an object and words", 'a {"b": [1, {}]} c', ['object {"b": [1, {}]}']],
		["several on a line", '{"a":1} {"b":2}', ['object {"a":1}', 'object {"b":2}']],
		["braces in strings", '{"a":"}{\\""}x', ['object {"a":"}{\\""}']],
		["an array that fills its lines", "x\n[\n1\n]\ny", ["array [\n1\n]"]],
		["an array of objects within a line", 'x=[{"score":1}] y', ['array [{"score":1}]']],
		["brackets in words", 'test_a[1] PASSED [INFO] [2024-01-01] {"a":1} [100%]', ['object {"a":1}']],
		["a printed dict", "{'score': 0, 'passed': False}", ["unreadable {'score': 0, 'passed': False}"]],
		["an object inside an unreadable one", "{'event': {\"score\":1}}", ["unreadable {'event': {\"score\":1}}"]],
		[
			"braces in quotes of an unreadable one",
			"{'a': '}', b: {\"score\":1}}",
			["unreadable {'a': '}', b: {\"score\":1}}"],
		],
		["an apostrophe in braces", '{don\'t} {"a":1}', ["unreadable {don't}", 'object {"a":1}']],
		["an object that is cut", '{"a": {"score": 1}, "b": "', ['unreadable {"a": {"score": 1}, "b": "']],
		["an array that is cut", '[{"score": 1},', ['unreadable [{"score": 1},']],
		["a brace that is never closed", 'if (x) {\n{"a":1}\n', ["unreadable {", 'object {"a":1}']],
		["a line that is cut", '{"a": "b\n{"a":1}', ['unreadable {"a": "b', 'object {"a":1}']],
		["numbers that are not JSON", '{"a": 01}{"a": NaN}', ['unreadable {"a": 01}', 'unreadable {"a": NaN}']],
	])("%s", (_, text, expected) => {
		expect(shown(text)).toEqual(expected);
	});

	test("names keys that an object holds twice", () => {
		expect(findJsonValues('{"a":1,"b":{"b":1},"\\u0061":2}')[0]).toMatchObject({ duplicates: ["a"] });
	});

	test("are not read if they nest deeper than what can be written again", () => {
		const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
		expect(findJsonValues(`${nested(500)} ${nested(501)} ${nested(200_000)}`).map(({ kind }) => kind)).toEqual([
			...["object", "too deep", "too deep"],
		]);
	});

	test("agree with JSON.parse", () => {
		fc.assert(
			fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
				const object = { value };
				const [found, ...more] = findJsonValues(`log ${JSON.stringify(object, null, indent)} log`);
				expect(found?.value).toEqual(JSON.parse(JSON.stringify(object)));
				expect(more).toEqual([]);
			}),
			law(500),
		);
	});

	test("are found in linear time in text made to be slow", () => {
		const size = 2_000_000;
		const bombs = ["{", "[", "{\n", '{"a":\n', '{"a":[', "}{", "'\\", '"{', '{"}":', "{'", '[{"a":1},x', "[1,", '\n{"'];
		const started = cpuMs();
		for (const bomb of bombs) {
			findJsonValues(bomb.repeat(size / bomb.length));
			findJsonValues(`${bomb.repeat(size / bomb.length)}x`, "is prose");
		}
		expect(cpuMs() - started).toBeLessThan(bombs.length * 2000);
	});
});
