import { law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { condenseChanges } from "./judge-prompt.ts";

const section = (name: string, lines: number) =>
	`diff --git a/${name} b/${name}\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1,${lines} @@\n${"+x\n".repeat(lines)}`;

test("a diff within the limit is unchanged", () => {
	expect(condenseChanges(section("a", 3), 10_000)).toBe(section("a", 3));
});

test("the largest files become one line each, and the others are kept", () => {
	const diff = `# new binary file logo: 4 bytes, sha256 x\n${section("huge", 5000)}${section("a", 3)}${section("large", 3000)}${section("b", 4)}`;
	const condensed = condenseChanges(diff, 10_000);
	expect(condensed).toBe(
		`# new binary file logo: 4 bytes, sha256 x\n${condensed.match(/^# new a\/huge b\/huge: a diff of 15\d\d\d characters, sha256 [0-9a-f]{64}\n/m)?.[0]}${section("a", 3)}${section("large", 3000)}${section("b", 4)}`,
	);
});

test("the contents of a file never begin a new section", () => {
	const diff = `${section("a", 3)}+\rdiff --git a/x b/x\n+\u2028diff --git a/y b/y\n${section("b", 3000)}`;
	expect(condenseChanges(diff, 1000)).toContain(`${section("a", 3)}+\rdiff --git a/x b/x\n+\u2028diff --git a/y b/y\n`);
});

test("omits nothing silently and keeps the limit for all sizes", () => {
	const sizes = fc.array(fc.nat(400), { minLength: 1, maxLength: 60 });
	fc.assert(
		fc.property(sizes, fc.integer({ min: 2000, max: 12_000 }), (all, limit) => {
			const diff = all.map((lines, index) => section(`file-${index}`, lines)).join("");
			const condensed = condenseChanges(diff, limit);
			const named = all.filter((_, index) => condensed.includes(`b/file-${index}`)).length;
			const counted = Number(/^# and (\d+) lines more/m.exec(condensed)?.[1] ?? 0);
			expect(named + counted).toBe(all.length);
			if (all.length < 12) expect(condensed.length).toBeLessThanOrEqual(limit + 250);
		}),
		law(300),
	);
});
