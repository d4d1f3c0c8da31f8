import { terminalSafeLine } from "@agentv/core";

/** What Markdown, GitHub's included, reads as more than text in the middle of a line: markup, table cells, formulas, links. */
const special = /[\\`*_[\]<>&|~$@]|:(?=\/\/)|(?<=www)\./gi;

/** Text that stays text in Markdown, on one line, anywhere but at its beginning. Cut after `longest` characters. */
export function markdownText(text: string, longest = 300): string {
	const line = terminalSafeLine(text.replace(/\s+/g, " ").trim());
	const cut = line.length > longest ? `${line.slice(0, longest).replace(/[\ud800-\udbff]$/, "")}…` : line;
	return cut.replace(special, "\\$&");
}
