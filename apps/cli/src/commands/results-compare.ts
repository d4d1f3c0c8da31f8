import {
	AgentvError,
	compareRuns,
	describeSmallestEffect,
	type FingerprintPart,
	fingerprintParts,
	readComparedRun,
	resolveRuns,
	terminalSafeLine,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { compareJson } from "../report/compare-json.ts";
import { compareText } from "../report/compare-text.ts";
import { reportError } from "../report/error.ts";
import type { ComparedRuns, NamedRun } from "../results/compared-runs.ts";
import { unanswered } from "../results/unanswered.ts";
import { warnOfBadLines } from "../results/warn-of-bad-lines.ts";
import { shownDirectory } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

interface CompareOptions {
	readonly vary?: readonly FingerprintPart[];
	readonly failOn?: "regression";
	readonly allowIncomparable?: boolean;
	readonly json?: boolean;
}

/** Compares every later run with the first. */
export async function resultsCompare(
	which: readonly string[],
	options: CompareOptions,
	context: Context,
): Promise<CommandResult> {
	const vary = fingerprintParts.filter((part) => options.vary?.includes(part));
	const [before, ...others] = openAll(which, context);
	if (!before || others.length === 0) throw new AgentvError("usage", "specify at least two runs to compare");
	const compared = others.map((after): ComparedRuns => {
		const comparison = compareRuns(before.run.cases, after.run.cases, new Set(vary));
		return { before, after, comparison, vary };
	});
	const exitCode = options.failOn ? await gate(compared, options.allowIncomparable === true, context) : 0;
	return { text: options.json ? compareJson(compared) : compareText(compared, context.stdout), exitCode };
}

function openAll(which: readonly string[], context: Context): NamedRun[] {
	return resolveRuns(which, context).map((directory, index) => {
		const run = readComparedRun(directory);
		const requested = which[index] ?? directory;
		const named = { run, name: requested === "latest" ? shownDirectory(directory, context.cwd) : requested };
		warnOfBadLines(named.name, run.badLines, context);
		warnOfState(named, context);
		return named;
	});
}

function warnOfState({ name, run: { state, cases, planned } }: NamedRun, context: Context): void {
	const have = `${cases.length} of ${planned} tests have results`;
	if (state === "under way") warn(`${name} is still running: ${have}`, context);
	else if (state === "unfinished") warn(`${name} did not finish: ${have}`, context);
	else if (cases.length < planned) warn(`${name} finished, but only ${have}`, context);
}

function warn(text: string, { stderr }: Context): void {
	stderr.write(`${colorsFor(stderr).yellow("warning:")} ${terminalSafeLine(text)}\n`);
}

/** Returns 1 for a significant regression. @throws AgentvError (exit 2) if no tests are comparable */
async function gate(
	compared: readonly ComparedRuns[],
	allowIncomparable: boolean,
	context: Context,
): Promise<CommandResult["exitCode"]> {
	const open = compared.find(({ comparison }) => comparison.atLeast.difference.tests === 0);
	if (open && !allowIncomparable) {
		const report = await reportError(unanswered(open), context);
		context.stderr.write(report.text);
		return report.exitCode;
	}
	for (const { after, comparison } of compared)
		if (comparison.atLeast.difference.tests > 0 && !comparison.atLeast.difference.interval)
			warn(`${after.name}: ${describeSmallestEffect(comparison.atLeast.difference)}`, context);
	return compared.some(({ comparison }) => comparison.atLeast.verdict === "worse") ? 1 : 0;
}
