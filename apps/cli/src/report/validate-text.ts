import { type EvalValidation, ruleDocs, type ValidationFinding } from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { planDiff } from "../validation/plan-diff.ts";
import {
	exitCodeOf,
	shownPath,
	summaryOf,
	type ValidationReport,
	type ValidationReporter,
} from "../validation/reporter.ts";

/** Writes a short tree per eval, a code frame per finding, and a summary. */
export const validateText: ValidationReporter = (report) => {
	const shown = new Set<string>();
	const parts = report.evals.map((one) => evalText(one, report, shown)).filter((text) => text !== "");
	return { text: `${[...fixTexts(report), ...parts, sumText(report)].join("\n\n")}\n`, exitCode: exitCodeOf(report) };
};

/** Lists changes (with `--dry-run` as a diff), then what could not be fixed. */
function fixTexts({ plan, dryRun, cwd, colors }: ValidationReport): string[] {
	if (!plan) return [];
	const place = (file: string, { start }: ValidationFinding["range"]) =>
		`${shownPath(file, cwd)}:${start.line}:${start.column}`;
	const lines = plan.changes.map(
		({ file, says, rule }) => `${colors.green("fixed")}  ${shownPath(file, cwd)}  ${says}  ${colors.dim(rule)}`,
	);
	const refused = plan.refused.map(
		({ finding, reason }) =>
			`${colors.yellow("not fixed")}  ${place(finding.at.file, finding.range)}  ${reason}  ${colors.dim(finding.rule)}`,
	);
	// One change can fix two findings.
	const done = dryRun ? [planDiff(plan, cwd).trimEnd()] : [[...new Set(lines)].join("\n")];
	return [...done, [...new Set(refused)].join("\n")].filter((text) => text !== "");
}

/** Columns of a message before its rule and location; longer messages push them to the right. */
const widest = 84;

/** `shown` contains the locations above, so that each is only shown once if evals share a file. */
function evalText(result: EvalValidation, report: ValidationReport, shown: Set<string>): string {
	const { colors, cwd, quiet } = report;
	const findings = result.diagnostics.filter((found) => !quiet || fails(found, report));
	if (quiet && findings.length === 0) return "";
	const sign = findings.some(({ severity, fixed }) => severity === "error" && !fixed)
		? colors.red("✗")
		: findings.some(({ fixed }) => !fixed)
			? colors.yellow("⚠")
			: colors.green("✓");
	const tree = [`${sign} ${colors.bold(shownPath(result.file, cwd))}`, ...treeLines(result, findings, report)];
	const frames = quiet ? [] : findings.filter(({ fixed }) => !fixed).map((found) => frameText(found, cwd, colors));
	const fresh = frames.filter((frame) => shown.size < shown.add(frame).size);
	return [tree.join("\n"), ...fresh].join("\n\n");
}

function fails({ severity, fixed }: ValidationFinding, { strict }: ValidationReport): boolean {
	return !fixed && (strict || severity === "error");
}

/** Lists passed rules and findings, in the order of the rules. */
function treeLines(result: EvalValidation, findings: readonly ValidationFinding[], report: ValidationReport): string[] {
	const { colors, cwd, quiet } = report;
	const width = Math.min(widest, Math.max(0, ...findings.map(({ message }) => message.length)));
	const ids = Math.max(0, ...findings.map(({ rule }) => rule.length));
	return ruleDocs().flatMap(({ id }) => {
		const passed = result.checks.filter(({ rule, state, notable }) => rule === id && state === "pass" && notable);
		const found = findings.filter(({ rule }) => rule === id);
		return [
			...(quiet ? [] : passed.map(({ message }) => `  ${colors.green("✓")} ${message}`)),
			...found.map((one) => {
				const place = `${shownPath(one.at.file, cwd)}:${one.range.start.line}:${one.range.start.column}`;
				const end = `${colors.dim(one.rule.padEnd(ids))}  ${colors.dim(place)}`;
				return `  ${signOf(one, colors)} ${one.message.padEnd(width)}   ${end}${one.fixed ? "  fixed" : ""}`;
			}),
		];
	});
}

function signOf({ severity, fixed }: ValidationFinding, colors: Colors): string {
	if (fixed) return colors.green("✓");
	return severity === "error" ? colors.red("✗") : colors.yellow("⚠");
}

function frameText(
	{ at, range, severity, message, frame, hint }: ValidationFinding,
	cwd: string,
	colors: Colors,
): string {
	const paint = severity === "error" ? colors.red : colors.yellow;
	const place = `${shownPath(at.file, cwd)}:${range.start.line}:${range.start.column}`;
	const lines = [`${colors.bold(place)}  ${paint(severity)}  ${message}`];
	for (const line of frame) lines.push(`  ${/^\s+\|\s*\^+$/.test(line) ? paint(line) : colors.dim(line)}`);
	if (hint !== undefined) lines.push(`  ${colors.cyan("hint:")} ${hint}`);
	return lines.join("\n");
}

function sumText(report: ValidationReport): string {
	const { evals, errors, warnings, fixed } = summaryOf(report);
	const counts = [count(errors, "error"), count(warnings, "warning"), ...(fixed > 0 ? [`${fixed} fixed`] : [])];
	const fixable = report.evals.some(({ diagnostics }) =>
		diagnostics.some((one) => one.fixable && !one.fixed && one.severity === "error"),
	);
	const what = evals === 1 ? "this eval" : "these evals";
	if (errors === 0 && warnings === 0)
		return `${count(evals, "eval")}, no errors${fixed > 0 ? `, ${fixed} fixed` : ""}.`;
	return `${counts.join(", ")}.${fixable ? ` Run with --fix to make ${what} self-contained.` : ""}`;
}

function count(number: number, noun: string): string {
	return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
