import { relative, sep } from "node:path";
import type { EvalValidation, FixPlan, OfferedEdit } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

/** What every reporter of a validation gets. */
export interface ValidationReport {
	readonly evals: readonly EvalValidation[];
	/** Absolute; paths are shown as seen from here. */
	readonly cwd: string;
	/** Warnings fail, too. */
	readonly strict: boolean;
	/** Only what fails is of interest. */
	readonly quiet: boolean;
	readonly colors: Colors;
	/** What `--fix`, `--migrate` and `--pin` did, or with `dryRun` would do. */
	readonly plan?: FixPlan;
	readonly dryRun?: boolean;
	/** What `--fix` would do, finding by finding; for formats that offer edits. */
	readonly offered?: readonly OfferedEdit[];
}

export type ValidationReporter = (report: ValidationReport) => CommandResult;

export interface ValidationSummary {
	readonly evals: number;
	readonly tests: number;
	/** Without those that were mended. */
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

/** 0 clean, 1 errors; warnings count with `strict`. */
export function exitCodeOf(report: ValidationReport): number {
	const { errors, warnings } = summaryOf(report);
	return errors > 0 || (report.strict && warnings > 0) ? 1 : 0;
}

/** A path as seen from `cwd`, with `/`, where it lies below; else as it is. */
export function shownPath(path: string, cwd: string): string {
	const way = relative(cwd, path);
	if (way === "") return ".";
	return way.startsWith("..") ? path : way.split(sep).join("/");
}
