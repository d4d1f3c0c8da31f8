import { relative, sep } from "node:path";
import type { EvalValidation, FixPlan, OfferedEdit } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

/** Input of a validation reporter. */
export interface ValidationReport {
	readonly evals: readonly EvalValidation[];
	/** Absolute; paths are shown relative to it. */
	readonly cwd: string;
	/** Whether warnings fail. */
	readonly strict: boolean;
	/** Whether to report only failures. */
	readonly quiet: boolean;
	readonly colors: Colors;
	/** The changes of `--fix`, `--migrate` and `--pin`; not applied with `dryRun`. */
	readonly plan?: FixPlan;
	readonly dryRun?: boolean;
	/** The edits of `--fix` by finding, for formats that contain edits. */
	readonly offered?: readonly OfferedEdit[];
}

export type ValidationReporter = (report: ValidationReport) => CommandResult;

export interface ValidationSummary {
	readonly evals: number;
	readonly tests: number;
	/** Without fixed ones. */
	readonly errors: number;
	readonly warnings: number;
	readonly fixed: number;
}

export function summaryOf({ evals }: Pick<ValidationReport, "evals">): ValidationSummary {
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

/** Returns 1 if there are errors, or warnings with `strict`; else 0. */
export function exitCodeOf(report: ValidationReport): number {
	const { errors, warnings } = summaryOf(report);
	return errors > 0 || (report.strict && warnings > 0) ? 1 : 0;
}

/** Returns a path relative to `cwd`, with `/`, if it is inside; else unchanged. */
export function shownPath(path: string, cwd: string): string {
	const way = relative(cwd, path);
	if (way === "") return ".";
	return way.startsWith("..") ? path : way.split(sep).join("/");
}
