import { type Comparison, describeDifference } from "@agentv/core";
import type { ComparedRuns } from "../results/compared-runs.ts";
import type { Colors } from "../terminal/colors.ts";

/** What differs, first the split, then the figures over the comparable tests, then the tests that moved most. */
export function compareText(compared: readonly ComparedRuns[], colors: Colors): string {
	return `${compared.map((one) => comparisonText(one, colors)).join("\n\n")}\n`;
}

function comparisonText({ before, after, comparison }: ComparedRuns, colors: Colors): string {
	const parts = [
		`${colors.bold(after)}  ${colors.dim(`compared with ${before}`)}`,
		splitLines(comparison, colors).join("\n"),
		describeDifference(comparison.difference),
		moved(comparison, colors),
	];
	return parts.filter((part) => part !== "").join("\n\n");
}

function splitLines(comparison: Comparison, colors: Colors): string[] {
	const { comparable, changed, errors } = comparison;
	const counts: [string, number, string][] = [
		["comparable", comparable.length, ""],
		["changed", changed.length, changedParts(comparison)],
		["new", comparison.new.length, ""],
		["gone", comparison.gone.length, ""],
		["not judged", errors.length, "in at least one of the runs"],
	];
	return counts
		.filter(([name, count]) => count > 0 || name === "comparable")
		.map(([name, count, note]) =>
			`${String(count).padStart(6)}  ${name.padEnd(11)}${note ? colors.dim(note) : ""}`.trimEnd(),
		);
}

/** `graders 3, target 1` */
function changedParts({ changed }: Comparison): string {
	const counts = new Map<string, number>();
	for (const { parts } of changed)
		for (const part of parts.length > 0 ? parts : ["without fingerprint"])
			counts.set(part, (counts.get(part) ?? 0) + 1);
	return [...counts].map(([part, count]) => `${part} ${count}`).join(", ");
}

const mostShown = 10;

function moved({ comparable }: Comparison, colors: Colors): string {
	const tests = comparable.filter(({ delta }) => delta !== 0).sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta));
	const lines = tests.slice(0, mostShown).map(({ testId, target, before, after, delta }) => {
		const change = `${delta > 0 ? "+" : "−"}${Math.abs(delta).toFixed(2)}`;
		return `  ${delta > 0 ? colors.green(change) : colors.red(change)}  ${before.toFixed(2)} → ${after.toFixed(2)}  ${testId} ${colors.dim(`(${target})`)}`;
	});
	const more = tests.length > mostShown ? [colors.dim(`  and ${tests.length - mostShown} more; --json lists all`)] : [];
	return [...lines, ...more].join("\n");
}
