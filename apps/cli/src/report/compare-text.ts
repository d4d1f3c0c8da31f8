import { type Comparison, signed, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import type { ComparedRuns, NamedRun } from "../results/compared-runs.ts";
import { comparisonBlocks, type Look, verdictText } from "../results/comparison-blocks.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";

/** Reports the runs, how their tests split, the verdict, and the tests that changed most. */
export function compareText(compared: readonly ComparedRuns[], stdout: Output): string {
	const look = { colors: colorsFor(stdout), columns: stdout.columns, isTerminal: stdout.isTTY };
	const blocks = [runLines(compared, look)];
	if (compared.length > 1) blocks.push(overview(compared, look));
	for (const [index, { after, comparison }] of compared.entries()) {
		if (compared.length > 1)
			blocks.push(`${look.colors.bold(sideName(index, compared))}  ${terminalSafeLine(after.name)}`);
		blocks.push(...comparisonBlocks(comparison, look));
	}
	return `${blocks.join("\n\n")}\n`;
}

function sideName(index: number, compared: readonly ComparedRuns[]): string {
	return compared.length === 1 ? "After" : `After ${index + 1}`;
}

function runLines(compared: readonly ComparedRuns[], { colors }: Look): string {
	const before = compared.slice(0, 1).map((one): [string, NamedRun] => ["Before", one.before]);
	const after = compared.map((one, index): [string, NamedRun] => [sideName(index, compared), one.after]);
	const width = Math.max(...[...before, ...after].map(([side]) => side.length));
	return [...before, ...after]
		.map(([side, { name }]) => `${colors.bold(side.padEnd(width))}  ${terminalSafeLine(name)}`)
		.join("\n");
}

const headings = ["comparable", "changed", "new", "gone", "errors", "difference"] as const;

/** Returns a table with a line per later run. */
function overview(compared: readonly ComparedRuns[], { colors }: Look): string {
	const side = sideName(compared.length - 1, compared).length;
	const lines = compared.map(({ comparison }, index) => {
		const { comparable, changed, new: fresh, gone, errors, difference } = comparison;
		const counts = [comparable, changed, fresh, gone, errors].map(({ length }) => String(length));
		const cells = [...counts, difference.tests === 0 ? "–" : signed(difference.mean)];
		const padded = cells.map((cell, column) => cell.padStart(headings[column]?.length ?? 0));
		return `${[sideName(index, compared).padEnd(side), ...padded].join("  ")}  ${shortVerdict(comparison, colors)}`;
	});
	return [colors.dim([" ".repeat(side), ...headings].join("  ")), ...lines].join("\n");
}

function shortVerdict(comparison: Comparison, colors: Colors): string {
	if (comparison.verdict === "no difference shown") return "= none shown";
	if (comparison.verdict === "nothing to compare") return colors.yellow("? not comparable");
	return verdictText(comparison, colors);
}
