import { describe, expect, it } from "vitest";
import { readShellLine } from "./shell-line.ts";

/** The default COMP_WORDBREAKS of bash. */
const breaks = " \t\n\"'><=;|&(:@";

describe("readShellLine", () => {
	it.each([
		["agentv ", ["agentv", ""]],
		["agentv  ben", ["agentv", "ben"]],
		["agentv a\\ b 'c d' \"e f\"g ", ["agentv", "a b", "c d", "e fg", ""]],
		["agentv '' ", ["agentv", "", ""]],
		['agentv "\\$x \\y" ', ["agentv", "$x \\y", ""]],
		["agentv $(touch x) `y` ", ["agentv", "$(touch", "x)", "`y`", ""]],
	])("splits %j into words", (line, words) => {
		expect(readShellLine(line, breaks).words).toEqual(words);
	});

	it.each([
		["agentv --format=sa", "--format="],
		["agentv a:b:c", "a:b:"],
		["agentv a\\:b", ""],
		["agentv 'a b", ""],
		["agentv x'a b", "x"],
		["agentv 'a:b'/c", "a:b"],
		["agentv --x='a", "--x="],
	])("returns the prefix that readline keeps of the word in %j", (line, prefix) => {
		expect(readShellLine(line, breaks).prefix).toBe(prefix);
	});

	it("recognises an open quote and an unquoted home directory", () => {
		expect(readShellLine('agentv "a b', breaks).quote).toBe('"');
		expect(readShellLine("agentv 'a b' ", breaks).quote).toBe("");
		expect(readShellLine("agentv ~/a", breaks).isHome).toBe(true);
		for (const line of ["agentv '~/a", "agentv \\~/a", "agentv a~/"])
			expect(readShellLine(line, breaks).isHome).toBe(false);
	});
});
