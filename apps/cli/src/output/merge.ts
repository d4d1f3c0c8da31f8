import {
	type Merge,
	type MergeProblem,
	type Missing,
	type MissingTest,
	mergeProblemText,
	terminalSafeLine,
	toWireSummary,
} from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { shownWord } from "../exporters/matrix.ts";
import { sumText } from "./run.ts";
import type { Colors } from "./terminal.ts";

const mostShown = 20;

/** Reports the merged run's summary and missing tests, or why nothing was merged. */
export function mergeText(merge: Merge, output: string, colors: Colors): CommandResult {
	const { summary, warnings } = merge;
	const lines = [
		...warnings.map((warning) => colors.yellow(`! ${terminalSafeLine(warning)}`)),
		...(summary ? written(merge, sumText(summary, colors), output, colors) : refused(merge, colors)),
	];
	return { text: `${lines.join("\n")}\n`, exitCode: mergeExitCode(merge) };
}

function written({ missing, parts }: Merge, sum: string, output: string, colors: Colors): string[] {
	const merged = `Merged ${count(parts.length, "run")} into ${terminalSafeLine(output)}`;
	if (missing.tests.length === 0) return [sum, merged];
	return [
		...missingLines(missing, parts, colors),
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

function missingLines({ shards, tests }: Missing, parts: Merge["parts"], colors: Colors): string[] {
	const attempts = tests.reduce((sum, one) => sum + one.attempts.length, 0);
	const absent = shards.map((shard) => {
		const own = tests.filter((one) => one.shard === shard);
		return { text: `shard ${shard} is missing, with ${count(own.length, "test")}:`, own };
	});
	const others = tests.filter(({ shard }) => shard === undefined || !shards.includes(shard));
	return [
		colors.red(`${count(tests.length, "test")} with missing results (${count(attempts, "attempt")}):`),
		...absent.flatMap(({ text, own }) => [
			`  ${colors.red("✗")} ${text}`,
			...shortened(
				own.map((one) => `      ${testText(one, false)}`),
				colors,
				"      ",
			),
		]),
		...shortened(
			others.map((one) => `  ${colors.red("✗")} ${testText(one, true)}${ofShard(one, parts)}`),
			colors,
		),
	];
}

/** Names the run that should have had the test. */
function ofShard({ shard }: MissingTest, parts: Merge["parts"]): string {
	const part = shard === undefined ? undefined : parts.find((one) => one.shard === shard);
	return part ? `, expected in ${terminalSafeLine(part.name)}` : "";
}

function testText({ eval: label, testId, target, attempts }: MissingTest, withAttempts: boolean): string {
	const isOnly = attempts.length === 1 && attempts[0] === 1;
	const which = `, attempt${attempts.length === 1 ? "" : "s"} ${attempts.join(", ")}`;
	return terminalSafeLine(`${testId} (${target}${withAttempts && !isOnly ? which : ""}) of ${label}`);
}

function shortened(lines: readonly string[], colors: Colors, indent = "  "): string[] {
	if (lines.length <= mostShown) return [...lines];
	return [...lines.slice(0, mostShown), colors.dim(`${indent}… and ${lines.length - mostShown} more`)];
}

function count(number: number, what: string): string {
	return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Reports the merged run's directory (null if nothing was written), missing tests and problems. */
export function mergeJson(merge: Merge, output: string): CommandResult {
	const { problems, missing, summary, warnings, parts } = merge;
	const document = {
		run_dir: summary ? output : null,
		complete: mergeExitCode(merge) === 0,
		summary: summary ? toWireSummary(summary) : null,
		runs: parts.map(({ name, runId, shard, attempts }) => ({
			...{ run: name, run_id: runId, attempts },
			...(shard === undefined ? {} : { shard }),
		})),
		missing: {
			shards: missing.shards,
			tests: missing.tests.map(({ eval: label, testId, target, attempts, shard }) => ({
				...{ eval: label, test_id: testId, target, attempts },
				...(shard === undefined ? {} : { shard }),
			})),
		},
		problems: problems.map(problemJson),
		warnings,
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: mergeExitCode(merge) };
}

function problemJson(problem: MergeProblem): object {
	const text = mergeProblemText(problem);
	if (!("attempt" in problem)) return { ...problem, message: text };
	const { attempt, ...rest } = problem;
	const { eval: label, testId, target } = attempt;
	return { ...rest, eval: label, test_id: testId, target, attempt: attempt.attempt, message: text };
}

/** Returns 0 if merged and complete, else 1. */
function mergeExitCode({ problems, missing }: Pick<Merge, "problems" | "missing">): number {
	return problems.length + missing.tests.length > 0 ? 1 : 0;
}
