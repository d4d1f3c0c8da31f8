import type { EvalValidation, ValidationFinding } from "@agentv/core";
import { exitCodeOf, shownPath, type ValidationReport, type ValidationReporter } from "../validation/reporter.ts";

/** JUnit XML: a suite for each eval, a case for each rule that judged it; a case fails by what fails the command. */
export const validateJunit: ValidationReporter = (report) => {
	const suites = report.evals.map((one) => suiteOf(one, report));
	const count = (key: "tests" | "failures") => suites.reduce((sum, suite) => sum + suite[key], 0);
	const text = [
		'<?xml version="1.0" encoding="UTF-8"?>',
		`<testsuites name="agentv eval validate" tests="${count("tests")}" failures="${count("failures")}">`,
		...suites.map(({ xml }) => xml),
		"</testsuites>",
	].join("\n");
	return { text: `${text}\n`, exitCode: exitCodeOf(report) };
};

function suiteOf(result: EvalValidation, report: ValidationReport) {
	const name = shownPath(result.file, report.cwd);
	const open = result.diagnostics.filter(({ fixed }) => !fixed);
	const states = new Map<string, boolean>();
	for (const { rule, state } of result.checks) states.set(rule, (states.get(rule) ?? true) && state === "skip");
	for (const { rule } of open) states.set(rule, false);
	const cases = [...states].map(([rule, skipped]) => caseOf(rule, skipped, name, open, report));
	const failures = cases.filter(({ failed }) => failed).length;
	const skipped = [...states.values()].filter(Boolean).length;
	const attributes = `name="${attribute(name)}" tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
	const xml = [`  <testsuite ${attributes}>`, ...cases.map((one) => one.xml), "  </testsuite>"].join("\n");
	return { xml, tests: cases.length, failures };
}

function caseOf(
	rule: string,
	skipped: boolean,
	evalName: string,
	open: readonly ValidationFinding[],
	report: ValidationReport,
) {
	const found = open.filter((one) => one.rule === rule);
	const failing = found.filter(({ severity }) => severity === "error" || report.strict);
	const head = `    <testcase name="${attribute(rule)}" classname="${attribute(evalName)}"`;
	const lines = (findings: readonly ValidationFinding[]) =>
		content(findings.map((one) => lineOf(one, report.cwd)).join("\n"));
	if (failing.length > 0) {
		const message = attribute(failing[0]?.message ?? "");
		const xml = `${head}>\n      <failure message="${message}" type="${attribute(rule)}">${lines(failing)}</failure>\n    </testcase>`;
		return { failed: true, xml };
	}
	const inner = skipped ? "<skipped/>" : found.length > 0 ? `<system-out>${lines(found)}</system-out>` : "";
	return { failed: false, xml: inner === "" ? `${head}/>` : `${head}>${inner}</testcase>` };
}

function lineOf({ at, range, severity, message }: ValidationFinding, cwd: string): string {
	return `${shownPath(at.file, cwd)}:${range.start.line}:${range.start.column} ${severity} ${message}`;
}

function content(text: string): string {
	// XML 1.0 knows no way to write most control characters.
	return text
		.replace(
			/[^\P{Cc}\t\n]|[\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu,
			"\ufffd",
		)
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;");
}

function attribute(text: string): string {
	return content(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;");
}
