import type { ResultRow } from "@agentv/core";

interface Suite {
	readonly cases: string[];
	readonly counts: Counts;
}

interface Counts {
	tests: number;
	failures: number;
	errors: number;
	durationMs: number;
}

const none: Counts = { tests: 0, failures: 0, errors: 0, durationMs: 0 };

/** A JUnit document of finished attempts, a test suite for each eval and target. */
export function* junitDocument(rows: Iterable<ResultRow>): Generator<string> {
	const suites = new Map<string, Suite>();
	const all = { ...none };
	for (const row of rows) {
		const name = `${row.eval} (${row.target})`;
		let suite = suites.get(name);
		if (!suite) {
			suite = { cases: [], counts: { ...none } };
			suites.set(name, suite);
		}
		suite.cases.push(testCase(row));
		for (const counts of [suite.counts, all]) count(row, counts);
	}
	yield `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="agentv" ${countsText(all)}>\n`;
	for (const [name, { cases, counts }] of suites) {
		yield `  <testsuite name=${quoted(name)} ${countsText(counts)}>\n`;
		for (const one of cases) yield `${one}\n`;
		yield "  </testsuite>\n";
	}
	yield "</testsuites>\n";
}

function count({ executionStatus, durationMs }: ResultRow, counts: Counts): void {
	counts.tests += 1;
	if (executionStatus === "quality_failure") counts.failures += 1;
	if (executionStatus === "execution_error") counts.errors += 1;
	counts.durationMs += durationMs;
}

function countsText({ tests, failures, errors, durationMs }: Counts): string {
	return `tests="${tests}" failures="${failures}" errors="${errors}" time="${(durationMs / 1000).toFixed(3)}"`;
}

function testCase(row: ResultRow): string {
	const name = row.attempt > 1 ? `${row.testId} (attempt ${row.attempt})` : row.testId;
	const start = `    <testcase name=${quoted(name)} classname=${quoted(row.eval)} time="${(row.durationMs / 1000).toFixed(3)}"`;
	if (row.executionStatus === "ok") return `${start}/>`;
	const isError = row.executionStatus === "execution_error";
	const tag = isError ? "error" : "failure";
	const message = isError ? (row.error?.message ?? "could not be run") : `score ${row.score} is below ${row.threshold}`;
	const failed = row.scores.flatMap(({ name: grader, assertions }) =>
		assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => `${grader}: ${text}${evidence === undefined ? "" : ` — ${evidence}`}`),
	);
	return `${start}><${tag} message=${quoted(message)}>${escaped(failed.join("\n"))}</${tag}></testcase>`;
}

function quoted(text: string): string {
	return `"${escaped(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;")}"`;
}

/** XML 1.0 has no way to write most control characters, nor lone surrogates: they become a replacement character. */
function escaped(text: string): string {
	return text
		.replace(/[^\P{Cc}\n\t]|\p{Surrogate}|[\ufffe\uffff]/gu, "\ufffd")
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;");
}
