import { describe, expect, test } from "vitest";
import { findingsOf, loadTree, oneTest } from "./testing/load-text.ts";

const including = oneTest(
	"input: x",
	"assertions:",
	"  - { type: equals, value: y }",
	"  - { include: ./shared.yaml }",
);
const load = (shared: string) => loadTree({ "eval.yaml": including, "shared.yaml": shared });

describe("a file of shared assertions", () => {
	test.each([
		["is empty", "", "shared.yaml:"],
		["contains only a comment", "# later\n", "shared.yaml:"],
		["contains an empty list", "assertions: []\n", "shared.yaml:1:13"],
		["contains a list under an unknown name", "assertion: [{ type: contains, value: z }]\n", "shared.yaml:1:1"],
		["contains a name without a list", "assertions:\n", "shared.yaml:1:"],
		["is plain text", "contains z\n", "shared.yaml:1:1"],
	])("that %s is an error at its location", (_, shared, place) => {
		const found = findingsOf(load(shared)).filter((one) => one.includes(" error schema.shape "));
		expect(found).toEqual([expect.stringContaining(place)]);
	});

	test.each([
		["a list", "- { type: contains, value: z }\n"],
		["a mapping with the current name", "assertions: [{ type: contains, value: z }]\n"],
		["a mapping with an older name", "evaluators: [{ type: contains, value: z }]\n"],
	])("may be %s", (_, shared) => {
		const loaded = load(shared);
		expect(findingsOf(loaded).filter((one) => one.includes(" error "))).toEqual([]);
		expect(loaded.tests[0]?.assertions.map(({ type }) => type)).toEqual(["equals", "contains"]);
	});

	test("is refused if it uses two spellings of the field", () => {
		const shared = "assertions: [{ type: contains, value: z }]\nevaluators: [{ type: contains, value: w }]\n";
		expect(findingsOf(load(shared))).toContainEqual(expect.stringContaining("shared.yaml:2:1 error schema.conflict"));
	});

	test("gets a warning for unknown keys", () => {
		const shared = "assertions: [{ type: contains, value: z }]\nassertion: [{ type: contains, value: w }]\n";
		expect(findingsOf(load(shared))).toContainEqual(
			expect.stringContaining("shared.yaml:2:1 warning schema.unknown-field"),
		);
	});
});
