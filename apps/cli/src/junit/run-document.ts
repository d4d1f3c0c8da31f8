import { type CaseOutcome, caseOutcomes, type RepeatOf, type ResultRow } from "@agentv/core";
import { type JunitProblem, type JunitSuite, junitCase, junitXml } from "./junit-xml.ts";

interface Suite extends JunitSuite {
	readonly cases: string[];
	timestamp: string;
	failures: number;
	errors: number;
	seconds: number;
}

/** A JUnit document of a run: a suite for each eval and target, a case for each test, its attempts counted as the run counts them. */
export function* runDocument(rows: Iterable<ResultRow>, repeatOf: RepeatOf): Generator<string> {
	const suites = new Map<string, Suite>();
	for (const outcome of caseOutcomes(rows, repeatOf)) addCase(suiteOf(outcome, suites), outcome);
	yield* junitXml(suites.values());
}

function suiteOf({ attempts: [{ eval: of, target, timestamp }] }: CaseOutcome, suites: Map<string, Suite>): Suite {
	const name = `${of} (${target})`;
	const known = suites.get(name);
	if (known) return known;
	const properties = { eval: of, target };
	const suite = { name, of, timestamp, properties, cases: [], failures: 0, errors: 0, seconds: 0 };
	suites.set(name, suite);
	return suite;
}

function addCase(suite: Suite, outcome: CaseOutcome): void {
	const [{ testId: name, timestamp }] = outcome.attempts;
	const seconds = outcome.attempts.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
	const problem = problemOf(outcome);
	suite.cases.push(junitCase({ name, seconds, ...(problem ? { problem } : {}) }, suite.of));
	suite.seconds += seconds;
	if (problem?.kind === "failure") suite.failures += 1;
	if (problem?.kind === "error") suite.errors += 1;
	if (timestamp < suite.timestamp) suite.timestamp = timestamp;
}

function problemOf(outcome: CaseOutcome): JunitProblem | undefined {
	const { status, attempts } = outcome;
	if (status === "passed") return undefined;
	const text = attempts.flatMap((row) => reasons(row, attempts.length > 1)).join("\n");
	if (status === "failed") return { kind: "failure", type: "quality_failure", message: failureMessage(outcome), text };
	const failed = attempts.find(({ error }) => error)?.error;
	if (status === "error")
		return { kind: "error", type: failed?.code ?? "error", message: failed?.message ?? "could not be run", text };
	const message = `not finished: ${attempts.length} of ${outcome.repeat.count} attempts were made`;
	return { kind: "error", type: "unfinished", message, text };
}

function failureMessage({ score, repeat, attempts }: CaseOutcome): string {
	const [{ threshold, error }] = attempts;
	if (attempts.length === 1) return error?.message ?? `score ${score} is below ${threshold}`;
	const passed = attempts.filter(({ executionStatus }) => executionStatus === "ok").length;
	const of = { mean: "mean score", pass_any: "best score", pass_all: "least score" }[repeat.strategy];
	return `${passed} of ${attempts.length} attempts passed, ${of} ${score}, threshold ${threshold}`;
}

/** Why an attempt did not pass, a line each. */
function reasons({ attempt, executionStatus, error, scores }: ResultRow, named: boolean): string[] {
	if (executionStatus === "ok") return [];
	const lines = scores.flatMap(({ name, assertions }) =>
		assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => `${name}: ${text}${evidence === undefined ? "" : ` — ${evidence}`}`),
	);
	return [...(error ? [`${error.stage}: ${error.message}`] : []), ...lines].map((line) =>
		named ? `attempt ${attempt}: ${line}` : line,
	);
}
