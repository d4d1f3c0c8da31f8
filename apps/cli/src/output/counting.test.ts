import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openRun, planRun, type RunSummary, readSummary, testsNotRun } from "@agentv/core";
import type { ExportedRun } from "@agentv/studio/export";
import { gitTestEnvironment, law, tempTree } from "@agentv/test-support";
import { type RandomProject, randomProjects } from "@agentv/test-support/random-project";
import fc from "fast-check";
import { expect, test } from "vitest";
import { junitSuites } from "../../test/testing/junit-suites.ts";
import { evalRun } from "../commands/eval-run.ts";
import { resultsShow } from "../commands/results.ts";
import type { CommandResult, Context } from "../context.ts";
import { exportMarkdown } from "../exporters/export.ts";
import { runGithub, runJunit } from "../exporters/junit.ts";
import { spendingTexts } from "./run.ts";
import type { RunReporter } from "./run-report.ts";
import { colorsFor } from "./terminal.ts";

/** The counts of tests in a report. */
interface Counts {
	readonly planned: number;
	readonly passed: number;
	readonly failed: number;
	readonly notJudged: number;
	readonly notRun: number;
}

function countsOf(summary: RunSummary): Counts {
	const { planned, passed, failed, errors } = summary;
	return { planned, passed, failed, notJudged: errors, notRun: testsNotRun(summary) };
}

/** Parses `5 tests: 3 passed, 1 failed, 1 not graded`, with or without Markdown emphasis. */
function sentenceCounts(text: string): Counts {
	const plain = text.replaceAll("*", "");
	const count = (words: string) => Number(new RegExp(`(\\d+) ${words}`).exec(plain)?.[1] ?? 0);
	return {
		...{ planned: count("tests?: "), passed: count("passed"), failed: count("failed") },
		...{ notJudged: count("not graded"), notRun: count("not run") },
	};
}

/** Sums the columns of a table with a row for each target. */
function tableCounts(header: readonly string[], rows: readonly (readonly string[])[]): Omit<Counts, "planned"> {
	const sum = (name: string) => {
		const column = header.indexOf(name);
		return column === -1 ? 0 : rows.reduce((total, row) => total + Number(row[column]), 0);
	};
	return { passed: sum("Passed"), failed: sum("Failed"), notJudged: sum("Not graded"), notRun: sum("Not run") };
}

function expectedExit(counts: Counts, { interrupted, overBudget }: { interrupted: boolean; overBudget: boolean }) {
	if (interrupted) return 130;
	if (counts.notJudged > 0 || overBudget) return 4;
	return counts.failed > 0 ? 1 : 0;
}

function contextIn(cwd: string, interruptAfter: number | undefined): Context & { readonly said: string[] } {
	const said: string[] = [];
	const stop = new AbortController();
	let attempts = 0;
	const write = (text: string) => {
		said.push(text);
		if (/^[✓✗!] /.test(text)) attempts += 1;
		if (attempts === interruptAfter) stop.abort();
	};
	const output = { write, isTTY: false, columns: 80, color: false };
	const env = { ...gitTestEnvironment, HOME: cwd, AGENTV_HOME: join(cwd, ".home") };
	return { env, cwd, stdout: output, stderr: output, signal: stop.signal, debug: false, said };
}

const textOf = ({ text }: Pick<CommandResult, "text">) => [...text].join("");

async function run(cwd: string, project: RandomProject, go: "start" | "resume" | "retry-errors") {
	const context = contextIn(cwd, go === "start" ? project.interruptAfter : undefined);
	const { bail, budgetUsd, targets } = project;
	const limits =
		go === "start" ? { ...(bail ? { bail } : {}), ...(budgetUsd ? { budgetUsd } : {}), target: targets } : {};
	const how = go === "start" ? {} : go === "resume" ? { resume: true } : { retryErrors: true };
	const options = { reporter: "text" as const, output: "out", workers: 1, siblings: [], ...limits, ...how };
	const result = await evalRun(go === "start" ? ["my.eval.yaml"] : [], options, context);
	return { text: textOf(result), exitCode: result.exitCode, said: context.said.join("") };
}

/** Returns the report of the run in `out`. */
function reported(cwd: string, reporter: RunReporter, summary: RunSummary): string {
	const { env } = contextIn(cwd, undefined);
	const plan = planRun({ evals: [join(cwd, "my.eval.yaml")], targets: ["one", "two"] }, { env, cwd, version: "1.2.3" });
	const runDir = join(cwd, "out");
	const screen = { colors: colorsFor(contextIn(cwd, undefined).stdout), columns: 80 };
	return textOf(reporter({ runDir, summary, outcome: "complete", run: openRun(runDir), plan, cwd, ...screen }));
}

async function expectReportsAgree(cwd: string, summary: RunSummary): Promise<void> {
	const counts = countsOf(summary);
	const { planned: _, ...byStatus } = counts;
	const money = spendingTexts({
		target: { tokenUsage: summary.tokenUsage ?? undefined, costUsd: summary.costUsd ?? undefined },
		judging: { tokenUsage: summary.graderTokenUsage, costUsd: summary.graderCostUsd },
	});

	const shown = textOf(await resultsShow("out", {}, contextIn(cwd, undefined)));
	const sentence = shown.split("\n").findLast((line) => /^\d+ tests?: /.test(line)) ?? "";
	expect(sentenceCounts(sentence)).toEqual(counts);
	for (const text of money) expect(sentence).toContain(text);
	const [header = [], ...rows] = cellsOf(shown);
	if (header.length > 0) expect(tableCounts(header, rows)).toEqual(byStatus);

	const opened = { ...openRun(join(cwd, "out")), name: "out" };
	const markdown = [...exportMarkdown(opened)].join("");
	expect(sentenceCounts(markdown.split("\n")[2] ?? "")).toEqual(counts);
	for (const text of money) expect(markdown.replaceAll("\\$", "$")).toContain(text);
	const lines = markdown.split("\n").filter((line) => line.startsWith("| "));
	const [titles = [], , ...targets] = lines.map((line) => line.slice(2, -2).split(" | "));
	expect(tableCounts(titles, targets)).toEqual(byStatus);
	expect(markdown.match(/^- \*\*/gm)?.length ?? 0).toBe(counts.planned - counts.passed);

	const { exportRun } = await import("@agentv/studio/export");
	const page = [...exportRun(opened, cwd)].join("");
	const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "") as ExportedRun;
	const of = (status: string) => data.tests.filter((row) => row.status === status).length;
	expect({
		...{ planned: data.tests.length, passed: of("passed"), failed: of("failed") },
		...{ notJudged: of("error"), notRun: of("not_run") },
	}).toEqual(counts);
	const { planned, passed, failed, errors: notJudged, cost_usd: usd, grader_cost_usd: graderUsd } = data.run.summary;
	expect({
		planned: data.run.planned,
		passed,
		failed,
		notJudged,
		notRun: planned - passed - failed - notJudged,
	}).toEqual(counts);
	expect([planned, usd, graderUsd]).toEqual([counts.planned, summary.costUsd ?? null, summary.graderCostUsd]);

	await expectJunitAgrees(reported(cwd, runJunit, summary), counts, summary);
	expectGithubAgrees(reported(cwd, runGithub, summary), counts);
}

/** Returns the cells of the table of targets. */
function cellsOf(text: string): string[][] {
	const lines = text.split("\n");
	const start = lines.findIndex((line) => line.startsWith("Target "));
	if (start === -1) return [];
	const table = lines.slice(start, lines.indexOf("", start));
	return table.map((line) => line.split(/ {2,}/));
}

async function expectJunitAgrees(xml: string, counts: Counts, summary: RunSummary): Promise<void> {
	const suites = await junitSuites(xml);
	const cases = suites.flatMap((suite) => suite.cases);
	expect({
		...{ planned: cases.length, failed: cases.filter(({ failure }) => failure).length },
		passed: cases.filter(({ failure, error, skipped }) => !failure && !error && skipped === undefined).length,
		notJudged: cases.filter(({ error }) => error).length,
		notRun: cases.filter(({ skipped }) => skipped !== undefined).length,
	}).toEqual(counts);
	expect(new Set(cases.map(({ classname, name }) => `${classname} ${name}`)).size).toBe(cases.length);
	const sum = (name: string) => suites.reduce((total, { properties }) => total + Number(properties[name] ?? 0), 0);
	expect(sum("target_cost_usd")).toBeCloseTo(summary.costUsd ?? 0);
	expect(sum("judging_cost_usd")).toBeCloseTo(summary.graderCostUsd ?? 0);
	expect(sum("judging_input_tokens")).toBe(summary.graderTokenUsage?.input ?? 0);
}

function expectGithubAgrees(text: string, counts: Counts): void {
	expect(text.match(/^::error /gm)?.length ?? 0).toBe(counts.failed + counts.notJudged);
	expect(text.match(/^::warning /gm)?.length ?? 0).toBe(counts.notRun > 0 ? 1 : 0);
	expect(sentenceCounts(text.trimEnd().split("\n").at(-1) ?? "")).toEqual(counts);
}

/** Checks the counts of the summary against the rows, the final report and the exit code. */
function expectEndAgrees(cwd: string, ended: Awaited<ReturnType<typeof run>>): RunSummary {
	const summary = readSummary(join(cwd, "out"));
	if (!summary) throw new Error("the run wrote no summary");
	const counts = countsOf(summary);
	const interrupted = ended.text.includes("Interrupted.");
	const overBudget = ended.text.includes("Budget exhausted");
	expect(ended.exitCode).toBe(expectedExit(counts, { interrupted, overBudget }));
	const sentence = ended.text.split("\n").find((line) => /^\d+ tests?: /.test(line)) ?? "";
	expect(sentenceCounts(sentence)).toEqual(counts);
	const rows = readFileSync(join(cwd, "out/index.jsonl"), "utf8").split("\n").length - 1;
	expect(rows).toBeGreaterThanOrEqual(counts.planned - counts.notRun);
	return summary;
}

test("the test counts and costs in every report agree with the run's summary and exit code", async () => {
	await fc.assert(
		fc.asyncProperty(randomProjects, async (project) => {
			const cwd = tempTree(project.files);
			let summary = expectEndAgrees(cwd, await run(cwd, project, "start"));
			if (project.continuation !== "nothing")
				summary = expectEndAgrees(cwd, await run(cwd, project, project.continuation));
			await expectReportsAgree(cwd, summary);
		}),
		law(150),
	);
});
