import { expect, test } from "vitest";
import { wrapLine } from "./fit-text.ts";

const narrow = { isTTY: true, columns: 20 };

test.each([
	["short", "short"],
	["exactly twenty chars", "exactly twenty chars"],
	["✗ b  refused: local edits are in the way", "✗ b  refused: local\n    edits are in the\n    way"],
	["a-path/that/is/longer/than/the/terminal is", "a-path/that/is/longer/than/the/terminal\n    is"],
	[
		"\u001b[31m✗\u001b[39m \u001b[1mb\u001b[22m  refused: local edits",
		"\u001b[31m✗\u001b[39m \u001b[1mb\u001b[22m  refused: local\n    edits",
	],
	["漢字漢字漢字 漢字漢字", "漢字漢字漢字\n    漢字漢字"],
])("%j is wrapped at spaces", (line, wrapped) => {
	expect(wrapLine(line, narrow)).toBe(wrapped);
});

test("a line for a file or a pipe is not wrapped", () => {
	const line = "✗ b  refused: local edits are in the way";
	expect(wrapLine(line, { isTTY: false, columns: 20 })).toBe(line);
});
