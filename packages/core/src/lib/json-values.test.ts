import { cpuMs, law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findJsonValues } from "./json.ts";

const shown = (text: string) =>
	findJsonValues(text).map(({ kind, start, end }) => `${kind} ${text.slice(start, end).trim()}`);

describe("findJsonValues", () => {
	test.each([
		["words, an object and words", 'a {"b": [1, {}]} c', ['object {"b": [1, {}]}']],
		["several objects on a line", '{"a":1} {"b":2}', ['object {"a":1}', 'object {"b":2}']],
		["braces in strings", '{"a":"}{\\""}x', ['object {"a":"}{\\""}']],
		["an array on its own lines", "x\n[\n1\n]\ny", ["array [\n1\n]"]],
		["an array of objects within a line", 'x=[{"score":1}] y', ['array [{"score":1}]']],
		["brackets in words", 'test_a[1] PASSED [INFO] [2024-01-01] {"a":1} [100%]', ['object {"a":1}']],
		["a printed Python dict", "{'score': 0, 'passed': False}", ["unreadable {'score': 0, 'passed': False}"]],
		["an object inside an unreadable one", "{'event': {\"score\":1}}", ["unreadable {'event': {\"score\":1}}"]],
		[
			"quoted braces in an unreadable object",
			"{'a': '}', b: {\"score\":1}}",
			["unreadable {'a': '}', b: {\"score\":1}}"],
		],
		["an apostrophe in braces", '{don\'t} {"a":1}', ["unreadable {don't}", 'object {"a":1}']],
		["a truncated object", '{"a": {"score": 1}, "b": "', ['unreadable {"a": {"score": 1}, "b": "']],
		["a truncated array", '[{"score": 1},', ['unreadable [{"score": 1},']],
		["an unclosed brace", 'if (x) {\n{"a":1}\n', ["unreadable {", 'object {"a":1}']],
		["a truncated line", '{"a": "b\n{"a":1}', ['unreadable {"a": "b', 'object {"a":1}']],
		["numbers that are not JSON", '{"a": 01}{"a": NaN}', ['unreadable {"a": 01}', 'unreadable {"a": NaN}']],
	])("finds %s", (_, text, expected) => {
		expect(shown(text)).toEqual(expected);
	});

	test("reports duplicate keys of an object", () => {
		expect(findJsonValues('{"a":1,"b":{"b":1},"\\u0061":2}')[0]).toMatchObject({ duplicates: ["a"] });
	});

	test("skips values that are nested too deeply to be written again", () => {
		const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
		expect(findJsonValues(`${nested(500)} ${nested(501)} ${nested(200_000)}`).map(({ kind }) => kind)).toEqual([
			...["object", "too deep", "too deep"],
		]);
	});

	test("agrees with JSON.parse", () => {
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

	test("takes linear time for adversarial text", () => {
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
