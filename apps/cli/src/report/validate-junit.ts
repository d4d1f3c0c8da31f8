import type { EvalValidation, ValidationFinding } from "@agentv/core";
import { type JunitSuite, junitCase, junitXml } from "../junit/junit-xml.ts";
import { exitCodeOf, shownPath, type ValidationReport, type ValidationReporter } from "../validation/reporter.ts";

/** Keeps the document reproducible. */
const noTime = "1970-01-01T00:00:00";

/** Writes JUnit XML: a suite per eval, a case per rule; a case fails if its findings fail the command. */
export const validateJunit: ValidationReporter = (report) => {
	const suites = report.evals.map((one) => suiteOf(one, report));
	return { text: [...junitXml(suites)].join(""), exitCode: exitCodeOf(report) };
};

function suiteOf(result: EvalValidation, report: ValidationReport): JunitSuite {
	const of = shownPath(result.file, report.cwd);
	const open = result.diagnostics.filter(({ fixed }) => !fixed);
	const fails = ({ severity }: ValidationFinding) => severity === "error" || report.strict;
	const judging = result.checks.filter(({ state }) => state !== "skip").map(({ rule }) => rule);
	const rules = [...new Set([...judging, ...open.map(({ rule }) => rule)])];
	const failing = new Set(open.filter(fails).map(({ rule }) => rule));
	return {
		...{ name: of, package: of, timestamp: noTime, seconds: 0, errors: 0, skipped: 0, failures: failing.size },
		properties: { root: shownPath(result.root, report.cwd) },
		cases: rules.map((rule) => caseOf(rule, of, failing.has(rule) ? open : [], report)),
		output: lines(
			open.filter((one) => !fails(one)),
			report,
		),
	};
}

function caseOf(rule: string, of: string, open: readonly ValidationFinding[], report: ValidationReport): string {
	const found = open.filter((one) => one.rule === rule);
	const [first] = found;
	const problem = first && {
		...{ kind: "failure" as const, type: rule, message: first.message, text: lines(found, report) },
	};
	return junitCase({ name: rule, seconds: 0, ...(problem ? { problem } : {}) }, of);
}

function lines(findings: readonly ValidationFinding[], { cwd }: ValidationReport): string {
	return findings
		.map(
			({ at, range, severity, message }) =>
				`${shownPath(at.file, cwd)}:${range.start.line}:${range.start.column} ${severity} ${message}`,
		)
		.join("\n");
}
