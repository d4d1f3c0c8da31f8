import { relative } from "node:path";
import {
	type CaseOutcome,
	caseOutcomes,
	type Diagnostic,
	locateFindings,
	neutral,
	outcomeWords,
	type PlannedRun,
	type ResultRow,
	type RunFile,
	type RunPlan,
	SummaryBuilder,
	scoreMean,
	shardBudgets,
	testsNotRun,
	toWireRow,
	toWireSummary,
} from "@agentv/core";
import {
	failureReasons,
	failureSentence,
	outcomeScore,
	plainEmphasis,
	rowSpending,
	shardBudgetText,
	sumSentence,
} from "../output/run.ts";
import type { RunReport, RunReporter } from "../output/run-report.ts";
import { workflowData, workflowProperty } from "../output/terminal.ts";

interface JunitCase {
	readonly name: string;
	readonly seconds: number;
	/** Absent for a passed case. */
	readonly problem?: JunitProblem;
}

/** `failure`: graded and failed; `error`: not graded; `skipped`: not run. */
type JunitProblem =
	| {
			readonly kind: "failure" | "error";
			readonly type: string;
			readonly message: string;
			readonly text: string;
	  }
	| { readonly kind: "skipped"; readonly text: string };

export interface JunitSuite {
	/** Also the class name of the cases. */
	readonly name: string;
	readonly package: string;
	/** ISO 8601. */
	readonly timestamp: string;
	/** At least one. */
	readonly properties: Readonly<Record<string, string>>;
	readonly cases: readonly string[];
	readonly failures: number;
	readonly errors: number;
	readonly skipped: number;
	readonly seconds: number;
	readonly output?: string;
}

/**
 * Writes in pieces. Follows the strict schema of Apache Ant, which Jenkins and other servers also
 * accept: no totals over all suites, no output of single cases. `skipped` is only written if there
 * are such cases, because older editions of that schema lack it.
 */
export function* junitXml(suites: Iterable<JunitSuite>): Generator<string> {
	yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n';
	let id = 0;
	for (const suite of suites) {
		yield `  <testsuite ${suiteAttributes(suite, id)}>\n    <properties>\n`;
		for (const [name, value] of Object.entries(suite.properties))
			yield `      <property name=${quoted(name)} value=${quoted(value)}/>\n`;
		yield "    </properties>\n";
		yield* suite.cases;
		yield `    <system-out>${escaped(suite.output ?? "")}</system-out>\n    <system-err></system-err>\n  </testsuite>\n`;
		id += 1;
	}
	yield "</testsuites>\n";
}

function suiteAttributes(suite: JunitSuite, id: number): string {
	const { name, timestamp, cases, failures, errors, skipped, seconds } = suite;
	const attributes = {
		...{ name, package: suite.package, id: String(id) },
		timestamp: timestamp.slice(0, "2026-01-01T00:00:00".length),
		// The schema's value for an unknown host.
		hostname: "localhost",
		...{ tests: String(cases.length), failures: String(failures), errors: String(errors), time: time(seconds) },
		...(skipped > 0 ? { skipped: String(skipped) } : {}),
	};
	return Object.entries(attributes)
		.map(([key, value]) => `${key}=${quoted(value)}`)
		.join(" ");
}

export function junitCase({ name, seconds, problem }: JunitCase, className: string): string {
	// Joined, because a concatenated string retains its pieces, and there may be 100,000 cases.
	const start = ["    <testcase name=", quoted(name), " classname=", quoted(className), ' time="', time(seconds), '"'];
	if (!problem) return [...start, "/>\n"].join("");
	if (problem.kind === "skipped")
		return [...start, ">\n      <skipped>", escaped(problem.text), "</skipped>\n    </testcase>\n"].join("");
	const { kind, type, message, text } = problem;
	const opened = [">\n      <", kind, " type=", quoted(type), " message=", quoted(message), ">"];
	return [...start, ...opened, escaped(text), "</", kind, ">\n    </testcase>\n"].join("");
}

function time(seconds: number): string {
	return seconds.toFixed(3);
}

function quoted(text: string): string {
	return `"${escaped(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;")}"`;
}

/**
 * Replaces characters that XML 1.0 can't contain and those that reorder or hide text; escapes what
 * a CI server would execute as a command when it logs the document.
 */
function escaped(text: string): string {
	return neutral(text.replaceAll("\r\n", "\n"), () => "\ufffd")
		.replace(/\p{Surrogate}|[\ufffe\uffff]/gu, "\ufffd")
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replace(/^([^\S\n\r\u2028\u2029]*)::/gm, "$1&#58;:")
		.replace(/(##[a-z]*)\[/gi, "$1&#91;");
}

interface Suite extends JunitSuite {
	readonly cases: string[];
	readonly properties: Record<string, string>;
	readonly spending: Record<string, number>;
	readonly sum: SummaryBuilder;
	timestamp: string;
	failures: number;
	errors: number;
	skipped: number;
	seconds: number;
}

interface DocumentedRun {
	readonly run: PlannedRun & Pick<RunFile, "startedAt">;
	readonly rows: Iterable<ResultRow>;
}

/**
 * Writes a suite per eval and target, a case per test. Class names contain the target, because
 * servers identify a case by class and name.
 */
export function* runDocument({ run, rows }: DocumentedRun): Generator<string> {
	const suites = new Map<string, Suite>();
	for (const outcome of caseOutcomes(rows, run)) addCase(suiteOf(outcome, suites, run.startedAt), outcome);
	for (const { properties, spending, sum, cases } of suites.values()) {
		const { mean, lowerBound, n } = scoreMean(sum.result());
		properties.tests_judged = `${n} of ${cases.length}`;
		if (mean !== null) properties.mean_score = figure(mean);
		if (lowerBound !== null) properties.mean_score_lower_bound = figure(lowerBound);
		const { target_cost_usd: target, judging_cost_usd: judging = 0 } = spending;
		if (target !== undefined) spending.total_cost_usd = target + judging;
		for (const [name, value] of Object.entries(spending)) properties[name] = figure(value);
	}
	yield* junitXml(suites.values());
}

function figure(value: number): string {
	return String(Number(value.toFixed(9)));
}

function suiteOf({ eval: label, target }: CaseOutcome, suites: Map<string, Suite>, startedAt: string): Suite {
	const key = JSON.stringify([label, target]);
	const known = suites.get(key);
	if (known) return known;
	const suite = {
		...{ name: `${label} (${target})`, package: label, timestamp: startedAt, properties: { eval: label, target } },
		...{ spending: {}, sum: new SummaryBuilder(0), cases: [], failures: 0, errors: 0, skipped: 0, seconds: 0 },
	};
	suites.set(key, suite);
	return suite;
}

function addCase(suite: Suite, outcome: CaseOutcome): void {
	const seconds = outcome.attempts.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
	const problem = problemOf(outcome);
	if (outcome.status !== "not_run") suite.sum.addCase({ ...outcome, status: outcome.status });
	suite.cases.push(junitCase({ name: outcome.testId, seconds, ...(problem ? { problem } : {}) }, suite.name));
	suite.seconds += seconds;
	if (problem?.kind === "failure") suite.failures += 1;
	if (problem?.kind === "error") suite.errors += 1;
	if (problem?.kind === "skipped") suite.skipped += 1;
	for (const row of outcome.attempts) addSpending(suite, row);
}

function addSpending({ spending }: Suite, row: ResultRow): void {
	const { target, judging } = rowSpending(row);
	const add = (name: string, value: number | undefined) => {
		if (value !== undefined) spending[name] = (spending[name] ?? 0) + value;
	};
	for (const [who, { costUsd, tokenUsage }] of Object.entries({ target, judging })) {
		add(`${who}_cost_usd`, costUsd);
		add(`${who}_input_tokens`, tokenUsage?.input);
		add(`${who}_output_tokens`, tokenUsage?.output);
	}
}

function problemOf(outcome: CaseOutcome): JunitProblem | undefined {
	const { status, attempts } = outcome;
	if (status === "passed") return undefined;
	const isRepeated = outcome.repeat.count > 1;
	const text = attempts
		.flatMap((row) => failureReasons(row).map((line) => (isRepeated ? `attempt ${row.attempt}: ${line}` : line)))
		.join("\n");
	if (status === "not_run") return { kind: "skipped", text: notRunText(outcome) };
	if (status === "failed") return { kind: "failure", type: "quality_failure", message: failureMessage(outcome), text };
	const failed = attempts.find(({ error }) => error)?.error;
	return {
		kind: "error",
		type: failed?.code ?? "error",
		message: failed?.message ?? outcomeWords.error,
		text,
	};
}

function notRunText({ repeat, attempts }: CaseOutcome): string {
	const made = attempts.length > 0 ? `: ${attempts.length} of ${repeat.count} attempts were made` : "";
	return `${outcomeWords.not_run}${made}`;
}

function failureMessage({ score, repeat, attempts }: CaseOutcome): string {
	const [first] = attempts;
	if (!first) return outcomeWords.failed;
	if (attempts.length === 1) return first.error?.message ?? failureSentence(first);
	const passed = attempts.filter(({ executionStatus }) => executionStatus === "ok").length;
	const of = { mean: "mean score", pass_any: "best score", pass_all: "lowest score" }[repeat.strategy];
	return `${passed} of ${attempts.length} attempts passed, ${of} ${score}, threshold ${first.threshold}`;
}

/** Writes a single annotation for all tests that were not run. */
export const runGithub: RunReporter = (report) => {
	const { run, rows } = report.run;
	const broken = [...caseOutcomes(rows, run)].filter(({ status }) => status === "failed" || status === "error");
	const left = testsNotRun(report.summary);
	const lines = [
		...annotations(broken, report),
		...(left > 0 ? [`::warning title=${workflowProperty(outcomeWords.not_run)}::${notRun(left, report)}`] : []),
		...shardBudgets(report.plan).map((budget) => `::notice::${workflowData(shardBudgetText(budget))}`),
		workflowData(sumSentence(report.summary, plainEmphasis)),
	];
	return { text: `${lines.join("\n")}\n`, kind: "commands" };
};

function notRun(left: number, { summary: { planned } }: RunReport): string {
	return `${left} of ${planned} ${planned === 1 ? "test was" : "tests were"} ${outcomeWords.not_run}`;
}

function annotations(broken: readonly CaseOutcome[], { plan, cwd }: RunReport): string[] {
	const placeOf = places(plan);
	const placed = broken.map((outcome): Diagnostic => {
		return { rule: "test", severity: "error", message: messageOf(outcome), at: placeOf(outcome), data: {} };
	});
	return locateFindings(placed).map(({ diagnostic, range }, index) => {
		const { testId, target } = broken[index] ?? { testId: "", target: "" };
		const file = relative(cwd, diagnostic.at.file).replaceAll("\\", "/");
		const line = range ? `,line=${range.start.line}` : "";
		const title = workflowProperty(`${testId} (${target})`);
		return `::error file=${workflowProperty(file)}${line},title=${title}::${workflowData(diagnostic.message)}`;
	});
}

function places({ cases }: RunPlan): (outcome: CaseOutcome) => Diagnostic["at"] {
	const keyOf = (label: string, testId: string) => JSON.stringify([label, testId]);
	const known = new Map(cases.map(({ names, test }) => [keyOf(names.eval, names.testId), test.at]));
	return (outcome) => known.get(keyOf(outcome.eval, outcome.testId)) ?? { file: outcome.eval, path: [] };
}

function messageOf(outcome: CaseOutcome): string {
	const { attempts, repeat, status } = outcome;
	const [first] = attempts;
	if (repeat.count > 1) return [outcomeScore(outcome), ...attempts.flatMap(attemptReasons)].join("\n");
	if (!first) return outcomeWords[status];
	if (status === "error") return `${outcomeWords.error}: ${first.error?.message ?? ""}`;
	return [first.error?.message ?? failureSentence(first), ...failedFindings(first)].join("\n");
}

function attemptReasons(row: CaseOutcome["attempts"][number]): string[] {
	if (row.executionStatus === "ok") return [];
	const reasons = [...(row.error ? [row.error.message] : []), ...failedFindings(row)];
	return reasons.map((reason) => `attempt ${row.attempt}: ${reason}`);
}

function failedFindings({ scores }: CaseOutcome["attempts"][number]): string[] {
	return scores.flatMap(({ assertions }) =>
		assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => (evidence === undefined ? text : `${text} — ${evidence}`)),
	);
}

export const runJson: RunReporter = (report) => jsonDocument(report, { results: [...report.run.rows].map(toWireRow) });

export const runBriefJson: RunReporter = (report) => jsonDocument(report, {});

function jsonDocument(report: RunReport, more: object): ReturnType<RunReporter> {
	const content = { run_dir: report.runDir, summary: toWireSummary(report.summary), ...more };
	return { text: `${JSON.stringify(content, null, 2)}\n` };
}

export const runJunit: RunReporter = (report) => ({ text: runDocument(report.run) });
