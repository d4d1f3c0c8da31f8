import { pathToFileURL } from "node:url";
import { ruleDocs, type ValidationFinding } from "@agentv/core";
import { exitCodeOf, shownPath, type ValidationReport, type ValidationReporter } from "../validation/reporter.ts";
import { version } from "../version.ts";

/** Writes SARIF 2.1.0: rules with their docs, results with regions, and the edits that `--fix` would make. */
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
						diagnostics.filter(({ fixed }) => !fixed).map((found) => resultOf(found, index, report)),
					),
				),
			},
		],
	};
	return { text: `${JSON.stringify(log, null, 2)}\n`, exitCode: exitCodeOf(report) };
};

/** Removes duplicates, which evals that share a file produce. */
function distinct<Result>(results: readonly Result[]): Result[] {
	return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()];
}

function resultOf(found: ValidationFinding, index: ReadonlyMap<string, number>, report: ValidationReport) {
	const { rule, severity, message, hint, at, range } = found;
	const fixes = fixesOf(found, report);
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

/** Returns a relative reference for files under the current directory, an absolute URI for others. */
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
