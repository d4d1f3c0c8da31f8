import type { ResultRow } from "@agentv/core";

/** A JUnit document of finished attempts, a test suite for each eval and target. */
export function junitDocument(rows: readonly ResultRow[]): string {
	const suites = new Map<string, ResultRow[]>();
	for (const row of rows) {
		const name = `${row.eval} (${row.target})`;
		const suite = suites.get(name);
		if (suite) suite.push(row);
		else suites.set(name, [row]);
	}
	const lines = [
		'<?xml version="1.0" encoding="UTF-8"?>',
		`<testsuites name="agentv" ${counts(rows)}>`,
		...[...suites].flatMap(([name, own]) => [
			`  <testsuite name=${quoted(name)} ${counts(own)}>`,
			...own.map(testCase),
			"  </testsuite>",
		]),
		"</testsuites>",
	];
	return `${lines.join("\n")}\n`;
}
function counts(rows: readonly ResultRow[]): string {
	const number = (status: ResultRow["executionStatus"]) => rows.filter((row) => row.executionStatus === status).length;
	const seconds = rows.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
	return `tests="${rows.length}" failures="${number("quality_failure")}" errors="${number("execution_error")}" time="${seconds.toFixed(3)}"`;
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
