import { law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesGlob } from "./glob.ts";

test("`*` matches any text, `?` one character and other characters themselves", () => {
	expect(matchesGlob("ada-1", "a*1")).toBe(true);
	expect(matchesGlob("a\nb", "a*b")).toBe(true);
	expect(matchesGlob("🙂", "?")).toBe(true);
	expect(matchesGlob("a.b", "a?b")).toBe(true);
	expect(matchesGlob("axb", "a.b")).toBe(false);
	expect(matchesGlob("", "*")).toBe(true);
});

test("matches like the equivalent regular expression", () => {
	const letters = (signs: string[], maxLength: number) =>
		fc.array(fc.constantFrom(...signs), { maxLength }).map((all) => all.join(""));
	fc.assert(
		fc.property(letters(["a", "b", "*", "?", "."], 8), letters(["a", "b", ".", "\n"], 10), (glob, text) => {
			const source = glob.replace(/[.*?]/g, (sign) => ({ "*": ".*", "?": ".", ".": "\\." })[sign] ?? "");
			expect(matchesGlob(text, glob)).toBe(new RegExp(`^${source}$`, "su").test(text));
		}),
		law(10_000),
	);
});

test("matches a pattern of many stars against a long text quickly", { timeout: 10_000 }, () => {
	expect(matchesGlob("a".repeat(100_000), `${"a*".repeat(30)}b`)).toBe(false);
	expect(matchesGlob("a".repeat(100_000), `${"*a".repeat(400)}?b`)).toBe(false);
	expect(() => matchesGlob("a", "a".repeat(1001))).toThrow("more than the 1000 allowed");
});
