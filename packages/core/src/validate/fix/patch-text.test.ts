import { expect, test } from "vitest";
import { patchText } from "./edited-files.ts";
import type { FieldChange } from "./edits.ts";

const count = 1_500;
const older = (index: number) => `  - id: t${index}\n    expected_outcome: says hello # as agreed\n    assert: []\n`;
const newer = (index: number) => older(index).replace("expected_outcome", "criteria").replace("assert:", "assertions:");
const suite = (entry: (index: number) => string, key: string) =>
	`${key}:\n${Array.from({ length: count }, (_, index) => entry(index)).join("")}`;

const renames: FieldChange[] = [
	{ kind: "key", at: { file: "a.yaml", path: ["eval_cases"] }, key: "tests", says: "" },
	...Array.from({ length: count }, (_, index): FieldChange[] => [
		{
			kind: "key",
			at: { file: "a.yaml", path: ["eval_cases", index, "expected_outcome"] },
			key: "criteria",
			says: "",
		},
		{ kind: "key", at: { file: "a.yaml", path: ["eval_cases", index, "assert"] }, key: "assertions", says: "" },
	]).flat(),
];

test("makes thousands of changes to one file together", () => {
	const { text, refused } = patchText("a.yaml", suite(older, "eval_cases"), renames);
	expect(refused).toEqual([]);
	expect(text).toBe(suite(newer, "tests"));
});

test("refuses only the change that can't be made", () => {
	const missing: FieldChange = {
		kind: "key",
		at: { file: "a.yaml", path: ["eval_cases", 7, "nothing"] },
		key: "something",
		says: "",
	};
	const changes = [...renames.slice(0, 900), missing, ...renames.slice(900)];
	const { text, refused } = patchText("a.yaml", suite(older, "eval_cases"), changes);
	expect(refused).toEqual([{ change: missing, reason: expect.stringContaining("no such key") }]);
	expect(text).toBe(suite(newer, "tests"));
});
