import { AgentvError, caseScores, compareRuns, type FingerprintPart, readRun, resolveRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { compareJson } from "../report/compare-json.ts";
import { compareText } from "../report/compare-text.ts";
import type { ComparedRuns } from "../results/compared-runs.ts";
import { shownDirectory } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

interface CompareOptions {
	readonly vary?: readonly FingerprintPart[];
	readonly failOn?: "regression";
	readonly allowIncomparable?: boolean;
	readonly json?: boolean;
}

/** `agentv results compare A B…`: every later run beside the first. */
export async function resultsCompare(
	runs: readonly string[],
	options: CompareOptions,
	context: Context,
): Promise<CommandResult> {
	const vary = new Set(options.vary ?? []);
	const [first, ...others] = runs.map((run) => {
		const directory = resolveRun(run, context);
		return { name: shownDirectory(directory, context.cwd), cases: caseScores(readRun(directory).rows, vary) };
	});
	if (!first) throw new AgentvError("usage", "name two runs to compare");
	const compared = others.map(
		(other): ComparedRuns => ({
			before: first.name,
			after: other.name,
			comparison: compareRuns(first.cases, other.cases, vary),
		}),
	);
	const exitCode = options.failOn ? gate(compared, options.allowIncomparable === true) : 0;
	return { text: options.json ? compareJson(compared) : compareText(compared, colorsFor(context.stdout)), exitCode };
}

/** 1 for a regression that the interval shows. Where nothing can be compared the question has no answer. */
function gate(compared: readonly ComparedRuns[], allowIncomparable: boolean): number {
	const unanswered = compared.find(({ comparison }) => comparison.comparable.length === 0);
	if (unanswered && !allowIncomparable) {
		const { changed, errors } = unanswered.comparison;
		const parts = [...new Set(changed.flatMap((one) => one.parts))];
		const why = [
			changed.length > 0 ? `${changed.length} changed (${parts.join(", ") || "without fingerprint"})` : "",
			errors.length > 0 ? `${errors.length} could not be run` : "",
		].filter((reason) => reason !== "");
		throw new AgentvError(
			"config",
			`no test of ${unanswered.after} can be compared with ${unanswered.before}${why.length > 0 ? `: ${why.join(", ")}` : ""}`,
			{
				hint: "name what is meant to differ with --vary, or let it pass with --allow-incomparable",
			},
		);
	}
	return compared.some(({ comparison }) => comparison.verdict === "worse") ? 1 : 0;
}
