import {
	type Merge,
	type Missing,
	type MissingTest,
	mergeProblemText,
	plural,
	terminalSafeLine,
	toWire,
	toWireSummary,
} from "@agentv/core";
import { shownWord } from "../exporters/matrix.ts";
import { sumText } from "./run.ts";
import type { Colors } from "./terminal.ts";

const maxShownProblems = 20;

export function mergeText(merge: Merge, output: string, colors: Colors): string {
	const { summary, warnings } = merge;
	const lines = [
		...warnings.map((warning) => colors.yellow(`! ${terminalSafeLine(warning)}`)),
		...(summary ? written(merge, sumText(summary, colors), output, colors) : refused(merge, colors)),
	];
	return `${lines.join("\n")}\n`;
}

function written({ missing, runs }: Merge, sum: string, output: string, colors: Colors): string[] {
	const merged = `Merged ${plural(runs.length, "run")} into ${terminalSafeLine(output)}`;
	if (missing.tests.length === 0) return [sum, merged];
	return [
		...missingLines(missing, runs, colors),
		"",
		sum,
		merged,
		colors.yellow(`Run the missing tests: agentv eval run --only-missing ${shownWord(output)}`),
	];
}

function refused({ problems }: Merge, colors: Colors): string[] {
	return [
		colors.red("These runs can't be merged; nothing was written:"),
		...shortened(
			problems.map((problem) => `  ${colors.red("✗")} ${terminalSafeLine(mergeProblemText(problem))}`),
			colors,
		),
	];
}

function missingLines({ shards, tests }: Missing, runs: Merge["runs"], colors: Colors): string[] {
	const attempts = tests.reduce((sum, test) => sum + test.attempts.length, 0);
	const cross = colors.red("✗");
	const lines = [colors.red(`${plural(tests.length, "test")} with missing results (${plural(attempts, "attempt")}):`)];
	for (const shard of shards) {
		const own = tests.filter((test) => test.shard === shard).map((test) => `      ${testText(test, false)}`);
		lines.push(`  ${cross} shard ${shard} is missing, with ${plural(own.length, "test")}:`);
		lines.push(...shortened(own, colors, "      "));
	}
	const others = tests.filter(({ shard }) => shard === undefined || !shards.includes(shard));
	const named = others.map((test) => `  ${cross} ${testText(test, true)}${ofShard(test, runs)}`);
	return [...lines, ...shortened(named, colors)];
}

function ofShard({ shard }: MissingTest, runs: Merge["runs"]): string {
	const own = shard === undefined ? undefined : runs.find((run) => run.shard === shard);
	return own ? `, expected in ${terminalSafeLine(own.run)}` : "";
}

function testText({ eval: label, testId, target, attempts }: MissingTest, withAttempts: boolean): string {
	const isOnly = attempts.length === 1 && attempts[0] === 1;
	const which = `, attempt${attempts.length === 1 ? "" : "s"} ${attempts.join(", ")}`;
	return terminalSafeLine(`${testId} (${target}${withAttempts && !isOnly ? which : ""}) of ${label}`);
}

function shortened(lines: readonly string[], colors: Colors, indent = "  "): string[] {
	if (lines.length <= maxShownProblems) return [...lines];
	return [...lines.slice(0, maxShownProblems), colors.dim(`${indent}… and ${lines.length - maxShownProblems} more`)];
}

export function mergeJson(merge: Merge, output: string): string {
	const { problems, missing, summary, warnings, runs } = merge;
	const document = {
		run_dir: summary ? output : null,
		complete: problems.length + missing.tests.length === 0,
		summary: summary ? toWireSummary(summary) : null,
		runs: runs.map(toWire),
		missing: { shards: missing.shards, tests: missing.tests.map(toWire) },
		problems: problems.map((problem) => ({ ...toWire(problem), message: mergeProblemText(problem) })),
		warnings,
	};
	return `${JSON.stringify(document, null, 2)}\n`;
}
