import { relative } from "node:path";
import { type Diagnostic, type LocatedFinding, locateFindings } from "@agentv/core";
import { codeFrame } from "./code-frame.ts";
import type { Colors } from "./colors.ts";

/** Findings for people, one text each, with paths as seen from `cwd`; an empty list is an empty list. */
export function findingsText(diagnostics: readonly Diagnostic[], cwd: string, colors: Colors): readonly string[] {
	return locateFindings(diagnostics).map((located) => findingText(located, cwd, colors));
}

/** One finding: place, severity, sentence, rule; the code frame; the hint. Ends without a newline. */
export function findingText({ diagnostic, range, text }: LocatedFinding, cwd: string, colors: Colors): string {
	const paint = diagnostic.severity === "error" ? colors.red : colors.yellow;
	const place = `${shortPath(diagnostic.at.file, cwd)}${range ? `:${range.start.line}:${range.start.column}` : ""}`;
	const { severity, message, rule, hint } = diagnostic;
	const lines = [`${colors.bold(place)}  ${paint(severity)}  ${message}  ${colors.dim(rule)}`];
	const frame = range && text !== undefined ? codeFrame(text, spotOf(range), colors) : "";
	if (frame !== "") lines.push(indent(frame));
	if (hint !== undefined) lines.push(indent(`${colors.cyan("hint:")} ${hint}`));
	return lines.join("\n");
}

/** Marks end with the first line: a frame shows one. */
function spotOf({ start, end }: NonNullable<LocatedFinding["range"]>) {
	const endColumn = end.line === start.line ? end.column : Number.POSITIVE_INFINITY;
	return { line: start.line, column: start.column, endColumn };
}

/** The path relative to `cwd` if it lies below, else as it is. */
function shortPath(file: string, cwd: string): string {
	const short = relative(cwd, file);
	return short === "" || short.startsWith("..") ? file : short;
}

function indent(text: string): string {
	return text.replace(/^/gm, "  ");
}
