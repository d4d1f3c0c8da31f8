import fc from "fast-check";
import { expect, test } from "vitest";
import { safeName, slugify } from "./text.ts";

test.each([
	["My Eval: Naïve Übung!", "my-eval-naive-ubung"],
	["--a__b--", "a-b"],
	["日本", ""],
])("slugify turns %s into %s", (text, expected) => {
	expect(slugify(text)).toBe(expected);
});

test("safeName returns a readable name that ends with a digest", () => {
	expect(safeName("../../etc/passwd")).toMatch(/^etc-passwd-[0-9a-f]{12}$/);
	expect(safeName("日本")).toMatch(/^[0-9a-f]{12}$/);
	expect(safeName("a", "0123")).toBe("a-0123");
});

test("safe names are short, portable, and distinct for distinct texts", () => {
	const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("A", "a", "a ", "x".repeat(5000)));
	fc.assert(
		fc.property(text, text, (a, b) => {
			expect(safeName(a)).toMatch(/^[a-z0-9]([a-z0-9-]{0,72}[a-z0-9])?$/);
			expect(safeName(a).toLowerCase() === safeName(b).toLowerCase()).toBe(a === b);
		}),
	);
});
