import fc from "fast-check";
import { expect, test } from "vitest";
import { nearestName } from "./text.ts";

const known = ["contains", "contains-any", "icontains", "regex", "llm-grader", "code-grader", "cost"];

test.each([
	["contain", "contains"],
	["contians", "contains"],
	["Regex", "regex"],
	["llm_grader", "llm-grader"],
	["code_grade", "code-grader"],
	["zzz", undefined],
	["x", undefined],
])("suggests for %s the name %s", (name, expected) => {
	expect(nearestName(name, known)).toBe(expected);
});

test("returns the nearest of several names, and the first of equally near ones", () => {
	expect(nearestName("contains", known)).toBe("icontains");
	expect(nearestName("cast", ["cost", "case"])).toBe("cost");
});

test("never suggests the same name, or one that differs by more than a third", () => {
	const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
	fc.assert(
		fc.property(word, fc.array(word), (name, words) => {
			const found = nearestName(name, words);
			if (found === undefined) return;
			expect(words).toContain(found);
			expect(found).not.toBe(name);
			const longer = Math.max(found.length, name.length);
			expect(longer - Math.min(found.length, name.length)).toBeLessThanOrEqual(Math.ceil(longer / 3));
		}),
	);
});
