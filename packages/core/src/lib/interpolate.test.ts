import { cpuMs } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpolateEnv, referenceScalar } from "./interpolate.ts";

const env = { HOST: "example.org", EMPTY: "", REF: "${{ HOST }}" };
const text = (input: string) => interpolateEnv(input, env).value;

describe("references in text", () => {
	test.each([
		["${{ HOST }}", "example.org"],
		["${{HOST}}", "example.org"],
		["${{\tHOST\n}}", "example.org"],
		["https://${{ HOST }}/x/${{ HOST }}", "https://example.org/x/example.org"],
		["${{ NONE:-a b }}", "a b"],
		["${{ NONE :- a b  }}!", "a b!"],
		["${{ NONE:-}}", ""],
		["${{ EMPTY:-fallback }}", "fallback"],
		["${{ EMPTY }}", ""],
		["${{ HOST:-fallback }}", "example.org"],
		["${{ NONE:-a:-b }}", "a:-b"],
		["${{ NONE:-${{ HOST }}", "${{ HOST"],
		["${{ REF }}", "${{ HOST }}"],
	])("turn %j into %j", (written, expected) => {
		expect(text(written)).toBe(expected);
	});

	test.each([
		"${HOST}",
		"$HOST",
		"{{ HOST }}",
		"${{ NONE }}",
		"${{ github.ref }}",
		"${{ 1A }}",
		"${{}}",
		"${{ HOST",
		"${{",
	])("don't include %j, which is kept", (written) => {
		expect(text(written)).toBe(written);
	});

	test.each([
		["$${{ HOST }}", "${{ HOST }}"],
		["$$${{ HOST }}", "$${{ HOST }}"],
		["${{ HOST }}$${{ HOST }}", "example.org${{ HOST }}"],
		["${{ $${{ HOST }}", "${{ ${{ HOST }}"],
	])("are escaped by a doubled dollar sign: %j becomes %j", (written, expected) => {
		expect(text(written)).toBe(expected);
	});

	test("are found after an unclosed reference", () => {
		const { value, malformed } = interpolateEnv("${{ A and ${{ HOST }}", env);
		expect(value).toBe("${{ A and example.org");
		expect(malformed).toEqual([{ path: [], text: "${{ A and ", range: [0, 10] }]);
	});

	test("ignore properties of Object.prototype", () => {
		expect(text("${{ constructor:-no }} ${{ __proto__:-no }}")).toBe("no no");
	});
});

describe("references in values", () => {
	test("are replaced in arrays and objects, never in keys", () => {
		const { value, uses } = interpolateEnv({ "${{ HOST }}": ["a", { b: "x ${{ HOST }}", c: 1 }] }, env);
		expect(value).toEqual({
			"${{ HOST }}": ["a", { b: "x example.org", c: 1 }],
		});
		expect(uses).toEqual([
			{
				name: "HOST",
				path: ["${{ HOST }}", 1, "b"],
				state: "set",
				whole: false,
				range: [2, 13],
			},
		]);
	});

	test("report if the variable was set", () => {
		const { uses } = interpolateEnv(["${{ HOST }}", "${{ NONE:-x }}", "${{ NONE }}"], env);
		expect(uses.map(({ name, state, whole, defaultText }) => [name, state, whole, defaultText])).toEqual([
			["HOST", "set", true, undefined],
			["NONE", "default", true, "x"],
			["NONE", "unset", true, undefined],
		]);
	});

	test("keep unchanged parts as the same objects", () => {
		const input = { same: { deep: ["x"] }, changed: "${{ HOST }}" };
		const { value } = interpolateEnv(input, env);
		expect(value.same).toBe(input.same);
		expect(interpolateEnv(input.same, env).value).toBe(input.same);
		expect(input.changed).toBe("${{ HOST }}");
	});

	test("keep a key named __proto__", () => {
		const { value } = interpolateEnv(JSON.parse('{"__proto__": "${{ HOST }}"}'), env);
		expect(Object.entries(value)).toEqual([["__proto__", "example.org"]]);
		expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
	});
});

test.each([
	["true", true],
	["false", false],
	["0", 0],
	["-1.50", -1.5],
	["007", undefined],
	["1e3", undefined],
	["True", undefined],
	["", undefined],
	[".5", undefined],
])("a whole reference with the value %j becomes %j", (written, expected) => {
	expect(referenceScalar(written)).toBe(expected);
});

describe("interpolateEnv", () => {
	const pieces = fc.constantFrom("${{", "}}", "$", "{", "}", " ", "HOST", "A", ":-", "\n", "x", "${{ HOST }}", "$${{");
	const soup = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(""));

	test("agrees with the grammar as one regular expression", () => {
		const grammar = /\$\$\{\{|\$\{\{\s*([A-Za-z_]\w*)\s*(?::-([\s\S]*?))?\}\}/g;
		fc.assert(
			fc.property(soup, (input) => {
				const expected = input.replace(grammar, (all, name?: string, fallback?: string) => {
					if (name === undefined) return "${{";
					return name === "HOST" ? "example.org" : (fallback?.trim() ?? all);
				});
				expect(text(input)).toBe(expected);
			}),
			{ numRuns: 2000 },
		);
	});

	test("returns a value without references unchanged", () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				fc.pre(!JSON.stringify(value).includes("${{"));
				expect(interpolateEnv(value, env).value).toBe(value);
			}),
		);
	});

	test("takes linear time for text of unclosed references", () => {
		const started = cpuMs();
		text("${{ ".repeat(500_000));
		text(`${"${{ A ".repeat(500_000)}}}`);
		expect(cpuMs() - started).toBeLessThan(5_000);
	});
});

test("stops replacing at a limit and keeps the remaining references", () => {
	const budget = { left: 5 };
	const { value } = interpolateEnv(["${{ A }}", "${{ A }} ${{ B:-xyz }}"], { A: "four" }, budget);
	expect(value).toEqual(["four", "${{ A }} ${{ B:-xyz }}"]);
	expect(budget.left).toBeLessThan(0);
});
