import { relative, sep } from "node:path";
import {
	codeFrame,
	type Diagnostic,
	type EvalValidation,
	type FixPlan,
	findingRecord,
	type LocatedFinding,
	locateFindings,
	type OfferedEdit,
	plural,
	type RuleDoc,
	ruleDocs,
	terminalSafe,
	terminalSafeLine,
	unifiedDiff,
	type ValidationFinding,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type Colors, colorsFor, json } from "./terminal.ts";

export interface ValidationReport {
	readonly evals: readonly EvalValidation[];
	/** Absolute; paths are shown relative to it. */
	readonly cwd: string;
	/** Whether warnings fail. */
	readonly strict: boolean;
	readonly quiet: boolean;
	readonly colors: Colors;
	/** The changes of `--fix`, `--migrate` and `--pin`; not applied with `dryRun`. */
	readonly plan?: FixPlan;
	readonly dryRun?: boolean;
	/** By finding, for formats that contain edits. */
	readonly offered?: readonly OfferedEdit[];
}

/** Returns what to print; `eval validate` decides the exit code. */
export type ValidationReporter = (report: ValidationReport) => Omit<CommandResult, "exitCode">;

/** Counts errors and warnings without fixed ones. */
export function summaryOf(evals: readonly EvalValidation[]) {
	const findings = evals.flatMap(({ diagnostics }) => diagnostics);
	const open = findings.filter(({ fixed }) => !fixed);
	return {
		evals: evals.length,
		tests: evals.reduce((sum, { tests }) => sum + tests, 0),
		errors: open.filter(({ severity }) => severity === "error").length,
		warnings: open.filter(({ severity }) => severity === "warning").length,
		fixed: findings.length - open.length,
	};
}

/** Returns a path relative to `cwd`, with `/`, if it is inside; else unchanged. */
export function shownPath(path: string, cwd: string): string {
	const way = relative(cwd, path);
	if (way === "") return ".";
	return way.startsWith("..") ? path : way.split(sep).join("/");
}

/** Returns a unified diff that can be applied in `cwd`. */
export function planDiff(plan: FixPlan, cwd: string): string {
	return plan.files.map((file) => unifiedDiff({ ...file, path: shownPath(file.path, cwd) })).join("");
}

export const validateText: ValidationReporter = (report) => {
	const shown = new Set<string>();
	const parts = report.evals.map((result) => evalText(result, report, shown)).filter((text) => text !== "");
	return { text: `${[...fixTexts(report), ...parts, sumText(report)].join("\n\n")}\n` };
};

function fixTexts({ plan, dryRun, cwd, colors }: ValidationReport): string[] {
	if (!plan) return [];
	const lines = plan.changes.map(
		({ file, says, rule }) => `${colors.green("fixed")}  ${shownPath(file, cwd)}  ${says}  ${colors.dim(rule)}`,
	);
	const refused = plan.refused.map(
		({ finding, reason }) =>
			`${colors.yellow("not fixed")}  ${placeText(finding, cwd)}  ${reason}  ${colors.dim(finding.rule)}`,
	);
	// One change can fix two findings.
	const done = dryRun ? [planDiff(plan, cwd).trimEnd()] : [[...new Set(lines)].join("\n")];
	return [...done, [...new Set(refused)].join("\n")].filter((text) => text !== "");
}

/** Columns of a message before its rule and location; longer messages push these to the right. */
const maxMessageWidth = 84;

/** Adds frames to `shown`, so that each appears once even if evals share a file. */
function evalText(result: EvalValidation, report: ValidationReport, shown: Set<string>): string {
	const { colors, cwd, quiet } = report;
	const findings = result.diagnostics.filter((finding) => !quiet || fails(finding, report));
	if (quiet && findings.length === 0) return "";
	const sign = findings.some(({ severity, fixed }) => severity === "error" && !fixed)
		? colors.red("✗")
		: findings.some(({ fixed }) => !fixed)
			? colors.yellow("⚠")
			: colors.green("✓");
	const tree = [`${sign} ${colors.bold(shownPath(result.file, cwd))}`, ...treeLines(result, findings, report)];
	const frames = quiet ? [] : findings.filter(({ fixed }) => !fixed).map((finding) => frameText(finding, cwd, colors));
	const fresh = frames.filter((frame) => shown.size < shown.add(frame).size);
	return [tree.join("\n"), ...fresh].join("\n\n");
}

function fails({ severity, fixed }: ValidationFinding, { strict }: ValidationReport): boolean {
	return !fixed && (strict || severity === "error");
}

function treeLines(result: EvalValidation, findings: readonly ValidationFinding[], report: ValidationReport): string[] {
	const { colors, cwd, quiet } = report;
	const width = Math.min(maxMessageWidth, Math.max(0, ...findings.map(({ message }) => message.length)));
	const ids = Math.max(0, ...findings.map(({ rule }) => rule.length));
	return ruleDocs().flatMap(({ id }) => {
		const passed = result.checks.filter(({ rule, state, notable }) => rule === id && state === "pass" && notable);
		const matches = findings.filter(({ rule }) => rule === id);
		return [
			...(quiet ? [] : passed.map(({ message }) => `  ${colors.green("✓")} ${message}`)),
			...matches.map((finding) => {
				const end = `${colors.dim(finding.rule.padEnd(ids))}  ${colors.dim(placeText(finding, cwd))}`;
				return `  ${signOf(finding, colors)} ${finding.message.padEnd(width)}   ${end}${finding.fixed ? "  fixed" : ""}`;
			}),
		];
	});
}

function signOf({ severity, fixed }: ValidationFinding, colors: Colors): string {
	if (fixed) return colors.green("✓");
	return severity === "error" ? colors.red("✗") : colors.yellow("⚠");
}

/** Returns `evals/a.eval.yaml:3:5`. */
export function placeText({ at, range: { start } }: ValidationFinding, cwd: string): string {
	return `${shownPath(at.file, cwd)}:${start.line}:${start.column}`;
}

function frameText(finding: ValidationFinding, cwd: string, colors: Colors): string {
	const { severity, message, frame, hint } = finding;
	const paint = severity === "error" ? colors.red : colors.yellow;
	const lines = [`${colors.bold(placeText(finding, cwd))}  ${paint(severity)}  ${message}`];
	for (const line of frame) lines.push(`  ${/^\s+\|\s*\^+$/.test(line) ? paint(line) : colors.dim(line)}`);
	if (hint !== undefined) lines.push(`  ${colors.cyan("hint:")} ${hint}`);
	return lines.join("\n");
}

function sumText(report: ValidationReport): string {
	const { evals, errors, warnings, fixed } = summaryOf(report.evals);
	const counts = [plural(errors, "error"), plural(warnings, "warning"), ...(fixed > 0 ? [`${fixed} fixed`] : [])];
	const fixable = report.evals.some(({ diagnostics }) =>
		diagnostics.some((finding) => finding.fixable && !finding.fixed && finding.severity === "error"),
	);
	const what = evals === 1 ? "this eval" : "these evals";
	if (errors === 0 && warnings === 0)
		return `${plural(evals, "eval")}, no errors${fixed > 0 ? `, ${fixed} fixed` : ""}.`;
	return `${counts.join(", ")}.${fixable ? ` Run with --fix to make ${what} self-contained.` : ""}`;
}

/**
 * Follows docs/schemas/validate-output.schema.json, with paths relative to the current directory.
 */
export const validateJson: ValidationReporter = (report) => {
	const evals = report.evals.map((result) => evalJson(result, report.cwd));
	return { text: json({ evals, summary: summaryOf(report.evals) }) };
};

function evalJson({ file, root, checks, diagnostics }: EvalValidation, cwd: string) {
	return {
		file: shownPath(file, cwd),
		root: shownPath(root, cwd),
		checks: checks.map(({ rule, state, message }) => ({ rule, state, message })),
		diagnostics: diagnostics.map((finding) => findingRecord(finding, { shown: (path) => shownPath(path, cwd) })),
	};
}

/** Formats each with paths relative to `cwd`. */
export function findingsText(diagnostics: readonly Diagnostic[], cwd: string, colors: Colors): readonly string[] {
	return locateFindings(diagnostics).map((located) => findingText(located, cwd, colors));
}

function findingText({ diagnostic, range, text }: LocatedFinding, cwd: string, colors: Colors): string {
	const paint = diagnostic.severity === "error" ? colors.red : colors.yellow;
	const place = `${terminalSafeLine(shownPath(diagnostic.at.file, cwd))}${range ? `:${range.start.line}:${range.start.column}` : ""}`;
	const { severity, message, rule, hint } = diagnostic;
	const lines = [`${colors.bold(place)}  ${paint(severity)}  ${terminalSafe(message)}  ${colors.dim(rule)}`];
	const frame = range && text !== undefined ? codeFrame(text, range, { context: 1 }).join("\n") : "";
	if (frame !== "") lines.push(indent(frame));
	if (hint !== undefined) lines.push(indent(`${colors.cyan("hint:")} ${terminalSafe(hint)}`));
	return lines.join("\n");
}

function indent(text: string): string {
	return text.replace(/^(?=.)/gm, "  ");
}

/** Warns about invalid entries of a file whose other entries are used. */
export function writeWarnings(diagnostics: readonly Diagnostic[], context: Context): void {
	const texts = findingsText(diagnostics, context.cwd, colorsFor(context.stderr));
	if (texts.length > 0) context.stderr.write(`${texts.join("\n")}\n`);
}

const fixOptions = { fix: "--fix", migrate: "--migrate", pin: "--pin" } as const;

export function ruleText(doc: RuleDoc, colors: Colors): string {
	const by = doc.fixedBy ? `, fixed by ${fixOptions[doc.fixedBy]}` : "";
	const lines = [
		`${colors.bold(doc.id)}  ${doc.severity}${by}`,
		doc.summary,
		"",
		colors.bold("Why"),
		indent(doc.why),
		"",
		colors.bold("Bad"),
		indent(doc.bad),
		"",
		colors.bold("Good"),
		indent(doc.good),
		"",
		colors.bold("How to fix it"),
		indent(doc.mend),
	];
	return `${lines.join("\n")}\n`;
}
