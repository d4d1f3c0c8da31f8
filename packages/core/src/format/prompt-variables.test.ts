import { describe, expect, test } from "vitest";
import { fillPlaceholders, promptPlaceholders } from "./eval-file.ts";

describe("placeholders of a prompt", () => {
	test("are found with their position, except literal ones", () => {
		expect(promptPlaceholders("a {{ Output }} {{{{ input }}}} {{critera}} { {x} } {{ a b }}")).toEqual([
			{ name: "output", offset: 2, length: 12 },
			{ name: "critera", offset: 31, length: 11 },
		]);
	});

	test("are filled only once, so that placeholders within a value remain", () => {
		const values: Readonly<Record<string, string>> = { output: "{{ input }} $&", input: "secret" };
		const fill = (prompt: string) => fillPlaceholders(prompt, (name) => values[name]);
		expect(fill("<{{ OUTPUT }}> {{ unknown }} {{{{ output }}}} {{{ output }}}")).toBe(
			"<{{ input }} $&> {{ unknown }} {{ output }} {{{ input }} $&}",
		);
	});
});
