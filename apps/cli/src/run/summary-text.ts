import { relative } from "node:path";
import {
	boundedMeanText,
	caseOutcomes,
	formatDuration,
	type OpenRun,
	outcomeWords,
	type RunFile,
	type ShardBudget,
	scoreMean,
	type Tallied,
	tallyOf,
	testsNotRun,
} from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { shortScore } from "./failure-text.ts";
import { costText, runSpending, spendingTexts } from "./spending-text.ts";

/** Computes a run's summary from its rows, also while it is running; the duration is only known at the end. */
export function sumOfRows({ run, rows, summary }: Pick<OpenRun, "run" | "rows" | "summary">): Tallied {
	return tallyOf(caseOutcomes(rows, run), run).summary(summary?.durationMs);
}

/** Styles for the counts of a summary. */
export type Emphasis = Readonly<Record<keyof typeof outcomeWords, (text: string) => string>>;

/** Returns `4 passed`, `0 failed`, `1 not graded`, `2 not run`; the last two only if there are any. */
export function countTexts(summary: Tallied, emphasis: Emphasis): string[] {
	const { passed, failed, errors } = summary;
	const left = testsNotRun(summary);
	return [
		passed > 0 ? emphasis.passed(`${passed} ${outcomeWords.passed}`) : `0 ${outcomeWords.passed}`,
		failed > 0 ? emphasis.failed(`${failed} ${outcomeWords.failed}`) : `0 ${outcomeWords.failed}`,
		...(errors > 0 ? [emphasis.error(`${errors} ${outcomeWords.error}`)] : []),
		...(left > 0 ? [emphasis.not_run(`${left} ${outcomeWords.not_run}`)] : []),
	];
}

/** Summarizes a run in one sentence: counts, score, time, cost and tokens. */
export function sumSentence(summary: Tallied, emphasis: Emphasis): string {
	const { planned, durationMs } = summary;
	const mean = scoreMean(summary);
	const facts = [
		...(mean.lowerBound === null ? [] : [`mean score ${boundedMeanText(mean, shortScore)}`]),
		...(durationMs === undefined ? [] : [formatDuration(durationMs)]),
		...spendingTexts(runSpending(summary)),
	];
	const tests = `${planned} ${planned === 1 ? "test" : "tests"}`;
	return [`${tests}: ${countTexts(summary, emphasis).join(", ")}`, ...facts].join(" · ");
}

const asIs = (text: string) => text;
export const plainEmphasis: Emphasis = { passed: asIs, failed: asIs, error: asIs, not_run: asIs };

export function colorEmphasis({ green, red, magenta, yellow }: Colors): Emphasis {
	return { passed: green, failed: red, error: magenta, not_run: yellow };
}

/** Returns the sentence with colours. */
export function sumText(summary: Tallied, colors: Colors): string {
	return sumSentence(summary, colorEmphasis(colors));
}

/** Returns a note on missing results; undefined if every planned test has one. */
export function unfinishedSentence(summary: Tallied): string | undefined {
	const left = testsNotRun(summary);
	if (left === 0) return undefined;
	return `Not finished: ${left} of ${summary.planned} ${summary.planned === 1 ? "test" : "tests"} ${outcomeWords.not_run}`;
}

/** Describes the run that this one started from. */
export function originSentence({ origin }: Pick<RunFile, "origin">): string | undefined {
	if (!origin) return undefined;
	const { kind, runId, path, graders } = origin;
	const from = `run ${runId} (${path})`;
	if (kind === "rerun_failed") return `Reruns the tests that did not pass in ${from}`;
	const by = graders ? ` by ${graders.join(", ")}` : "";
	return `Grades the answers of ${from} again${by}; times and costs of the target are from that run`;
}

/** Describes a shard's part of the budget. */
export function shardBudgetText({ eval: label, usd, wholeUsd, tests, wholeTests }: ShardBudget): string {
	const whose = label === undefined ? "" : ` of ${label}`;
	return `Budget of this shard${whose}: ${costText(usd)}, its share (${tests} of ${wholeTests} tests) of ${costText(wholeUsd)}.`;
}

/** Returns the path relative to `cwd` if that is shorter. */
export function shownDirectory(path: string, cwd: string): string {
	const short = relative(cwd, path);
	return short.startsWith("..") || short === "" ? path : short;
}
