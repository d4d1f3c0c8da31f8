import { type BenchmarkReport, type BenchmarkReports, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";
import { stateText } from "../terminal/state-text.ts";

const headings = ["ID", "NAME", "PATH", "SOURCE", "REVISION", "STATE"] as const;

/** Formats the list as a table, or as blocks if the terminal is too narrow for it. */
export function benchmarkTable({ benchmarks }: BenchmarkReports, output: Output): string {
	if (benchmarks.length === 0) return "No benchmarks yet. Add one: agentv benchmark add <path-or-git-url>\n";
	const rows = benchmarks.map((report) => cells(report));
	const widths = headings.map((heading, column) => {
		return Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0));
	});
	const total = widths.reduce((sum, width) => sum + width + 2, -2);
	if (output.isTTY && total > output.columns) return blocks(rows, output);
	const colors = colorsFor(output);
	const line = (row: readonly string[]) =>
		row
			.map((cell, column) => cell.padEnd(widths[column] ?? 0))
			.join("  ")
			.trimEnd();
	return `${[colors.dim(line(headings)), ...rows.map(line)].join("\n")}\n`;
}

function cells(report: BenchmarkReport): string[] {
	const { source, revision } = report;
	const from = source ? `${source.url}${source.ref === null ? "" : ` (${source.ref})`}` : "-";
	const at = revision.sha === null ? "-" : `${revision.sha.slice(0, 12)}`;
	return [report.id, report.name, report.path, from, at, stateText(report)].map(terminalSafeLine);
}

function blocks(rows: readonly (readonly string[])[], output: Output): string {
	const colors = colorsFor(output);
	const labels = headings.slice(1).map((heading) => heading.toLowerCase());
	return rows
		.map(([id = "", ...rest]) => {
			const lines = rest.map((cell, index) => `  ${colors.dim((labels[index] ?? "").padEnd(8))}  ${cell}\n`);
			return `${colors.bold(id)}\n${lines.join("")}`;
		})
		.join("\n");
}
