import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

/** Expects a table on a page of the docs to have these rows; `AGENTV_UPDATE_DOCS=1` writes them. */
export function expectTable(page: string, headings: readonly string[], rows: readonly (readonly string[])[]): void {
	const file = join(root, page);
	const text = readFileSync(file, "utf8");
	const lines = text.split("\n");
	const cells = (line: string) => line.split(/(?<!\\)\|/).map((cell) => cell.trim());
	const begin = lines.findIndex((line) => cells(line).join("|") === `|${headings.join("|")}|`);
	if (begin === -1) throw new Error(`${page} has no table with the headings ${headings.join(", ")}`);
	const after = lines.findIndex((line, index) => index > begin && !line.startsWith("|"));
	const table = markdownTable([headings, ...rows]);
	const updated = [...lines.slice(0, begin), ...table, ...lines.slice(after)].join("\n");
	if (process.env.AGENTV_UPDATE_DOCS) writeFileSync(file, updated);
	else expect(text).toBe(updated);
}

function markdownTable(rows: readonly (readonly string[])[]): string[] {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
	const line = (row: readonly string[], fill = " ") =>
		`| ${widths.map((width, column) => (row[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
	const [head = [], ...body] = rows;
	return [line(head), line([], "-"), ...body.map((row) => line(row))];
}
