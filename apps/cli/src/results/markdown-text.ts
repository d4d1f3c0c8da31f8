import { terminalSafeLine } from "@agentv/core";

/** Special characters of GitHub's Markdown within a line: markup, table cells, formulas, links. */
const special = /[\\`*_[\]<>&|~$@]|:(?=\/\/)|(?<=www)\./gi;

/** Escapes text for Markdown, on one line and not at its beginning. Cuts it after `longest` characters. */
export function markdownText(text: string, longest = 300): string {
	const line = terminalSafeLine(text.replace(/\s+/g, " ").trim());
	const cut = line.length > longest ? `${line.slice(0, longest).replace(/[\ud800-\udbff]$/, "")}…` : line;
	return cut.replace(special, "\\$&");
}
