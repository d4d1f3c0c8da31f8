import { pathToFileURL } from "node:url";
import { type EvalValidation, ruleDocs, type ValidationFinding } from "@agentv/core";
import { version } from "../context.ts";
import { json, workflowData, workflowProperty } from "../output/terminal.ts";
import { placeText, shownPath, summaryOf, type ValidationReport, type ValidationReporter } from "../output/validate.ts";
import { type JunitSuite, junitCase, junitXml } from "./junit.ts";

/** Keeps the document reproducible. */
const noTime = "1970-01-01T00:00:00";

/** Writes a suite per eval, a case per rule. */
export const validateJunit: ValidationReporter = (report) => {
	const suites = report.evals.map((result) => suiteOf(result, report));
	return { text: [...junitXml(suites)].join("") };
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
			open.filter((finding) => !fails(finding)),
			report,
		),
	};
}

function caseOf(rule: string, of: string, open: readonly ValidationFinding[], report: ValidationReport): string {
	const matches = open.filter((finding) => finding.rule === rule);
	const [first] = matches;
	const problem = first && {
		...{ kind: "failure" as const, type: rule, message: first.message, text: lines(matches, report) },
	};
	return junitCase({ name: rule, seconds: 0, ...(problem ? { problem } : {}) }, of);
}

function lines(findings: readonly ValidationFinding[], { cwd }: ValidationReport): string {
	return findings.map((finding) => `${placeText(finding, cwd)} ${finding.severity} ${finding.message}`).join("\n");
}

/** Writes `::error file=…,line=…,col=…,title=…::message`. */
export const validateGithub: ValidationReporter = (report) => {
	const lines = report.evals.flatMap(({ diagnostics }) =>
		diagnostics
			.filter(({ fixed }) => !fixed)
			.map(({ severity, rule, message, hint, at, range: { start, end } }) => {
				const oneLine = start.line === end.line && end.column > start.column;
				const properties = [
					["file", shownPath(at.file, report.cwd)],
					["line", String(start.line)],
					["endLine", String(end.line)],
					["col", String(start.column)],
					...(oneLine ? [["endColumn", String(end.column)]] : []),
					["title", rule],
				].map(([name, value]) => `${name}=${workflowProperty(value ?? "")}`);
				return `::${severity} ${properties.join(",")}::${workflowData(hint === undefined ? message : `${message}\n${hint}`)}`;
			}),
	);
	const { evals, errors, warnings } = summaryOf(report.evals);
	// Evals that share a file repeat its findings; GitHub only shows a few annotations.
	const text = [...new Set(lines), `${evals} evals, ${errors} errors, ${warnings} warnings`].join("\n");
	return { text: `${text}\n`, kind: "commands" };
};

/** Writes SARIF 2.1.0. */
export const validateSarif: ValidationReporter = (report) => {
	const rules = ruleDocs();
	const index = new Map(rules.map(({ id }, position) => [id, position]));
	const log = {
		$schema: "https://json.schemastore.org/sarif-2.1.0.json",
		version: "2.1.0",
		runs: [
			{
				tool: {
					driver: {
						name: "agentv",
						version,
						rules: rules.map(({ id, summary, why, mend: howToFix, severity, group }) => ({
							id,
							shortDescription: { text: summary },
							fullDescription: { text: why },
							help: { text: howToFix },
							defaultConfiguration: { level: severity },
							properties: { tags: [group] },
						})),
					},
				},
				columnKind: "utf16CodeUnits",
				results: distinct(
					report.evals.flatMap(({ diagnostics }) =>
						diagnostics.filter(({ fixed }) => !fixed).map((finding) => resultOf(finding, index, report)),
					),
				),
			},
		],
	};
	return { text: json(log) };
};

/** Removes duplicates, which evals that share a file produce. */
function distinct<Result>(results: readonly Result[]): Result[] {
	return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()];
}

function resultOf(finding: ValidationFinding, index: ReadonlyMap<string, number>, report: ValidationReport) {
	const { rule, severity, message, hint, at, range } = finding;
	const fixes = fixesOf(finding, report);
	return {
		ruleId: rule,
		ruleIndex: index.get(rule) ?? -1,
		level: severity,
		message: { text: hint === undefined ? message : `${message}. ${hint}` },
		locations: [
			{
				physicalLocation: {
					artifactLocation: artifact(at.file, report.cwd),
					region: {
						startLine: range.start.line,
						startColumn: range.start.column,
						endLine: range.end.line,
						endColumn: range.end.column,
					},
				},
			},
		],
		...(fixes.length > 0 ? { fixes } : {}),
	};
}

/** Returns a relative reference under the current directory, else an absolute URI. */
function artifact(file: string, cwd: string): { uri: string } {
	const shown = shownPath(file, cwd);
	if (shown === file) return { uri: pathToFileURL(file).href };
	return { uri: shown.split("/").map(encodeURIComponent).join("/") };
}

function fixesOf({ rule, at, range }: ValidationFinding, { offered, cwd }: ValidationReport) {
	const edits = (offered ?? []).filter(
		(edit) => edit.rule === rule && edit.at.file === at.file && edit.at.offset === range.start.offset,
	);
	const [first] = edits;
	if (!first) return [];
	return [
		{
			description: { text: first.says },
			artifactChanges: first.files.map(({ path, region, text }) => ({
				artifactLocation: artifact(path, cwd),
				replacements: [{ deletedRegion: region, insertedContent: { text } }],
			})),
		},
	];
}
