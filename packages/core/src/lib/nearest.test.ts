import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearestName, nearestNames } from "./text.ts";

const known = ["contains", "contains-any", "icontains", "regex", "llm-grader", "code-grader", "cost"];

test.each([
	["contain", "contains"],
	["contians", "contains"],
	["Regex", "regex"],
	["llm_grader", "llm-grader"],
	["code_grade", "code-grader"],
	["zzz", undefined],
	["x", undefined],
])("for %s it suggests %s", (name, expected) => {
	expect(nearestName(name, known)).toBe(expected);
});

test("several suggestions come nearest first", () => {
	expect(nearestNames("contains", known)).toEqual(["icontains", "contains-any"]);
});

test("the distance is a metric's: zero only for equals, the same both ways, at most the longer length", () => {
	const word = fc.string({ maxLength: 8 });
	fc.assert(
		fc.property(word, word, (a, b) => {
			const distance = editDistance(a, b);
			expect(distance).toBe(editDistance(b, a));
			expect(distance === 0).toBe(a === b);
			expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
			for (const most of [0, 1, 3]) expect(editDistance(a, b, most) <= most).toBe(distance <= most);
		}),
	);
});
