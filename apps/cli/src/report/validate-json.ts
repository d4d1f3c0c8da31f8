import type { EvalValidation, ValidationFinding } from "@agentv/core";
import { exitCodeOf, shownPath, summaryOf, type ValidationReporter } from "../validation/reporter.ts";

/** Schema: docs/schemas/validate-output.schema.json. Paths under the current directory are relative to it. */
export const validateJson: ValidationReporter = (report) => {
	const document = {
		evals: report.evals.map((one) => evalJson(one, report.cwd)),
		summary: summaryOf(report),
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: exitCodeOf(report) };
};

function evalJson({ file, root, checks, diagnostics }: EvalValidation, cwd: string) {
	return {
		file: shownPath(file, cwd),
		root: shownPath(root, cwd),
		checks: checks.map(({ rule, state, message }) => ({ rule, state, message })),
		diagnostics: diagnostics.map((found) => findingJson(found, cwd)),
	};
}

function findingJson({ rule, severity, message, at, range, hint, fixable, fixed }: ValidationFinding, cwd: string) {
	return {
		rule,
		severity,
		message,
		file: shownPath(at.file, cwd),
		line: range.start.line,
		column: range.start.column,
		end_line: range.end.line,
		end_column: range.end.column,
		hint: hint ?? null,
		fixable,
		fixed,
	};
}
