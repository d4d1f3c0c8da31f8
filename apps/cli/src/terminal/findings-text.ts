import { relative } from "node:path";
import {
	codeFrame,
	type Diagnostic,
	type LocatedFinding,
	locateFindings,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import type { Colors } from "./colors.ts";

/** Formats findings, one text each, with paths relative to `cwd`. */
export function findingsText(diagnostics: readonly Diagnostic[], cwd: string, colors: Colors): readonly string[] {
	return locateFindings(diagnostics).map((located) => findingText(located, cwd, colors));
}

/** Formats a finding: location, severity, message and rule; code frame; hint. No final newline. */
export function findingText({ diagnostic, range, text }: LocatedFinding, cwd: string, colors: Colors): string {
	const paint = diagnostic.severity === "error" ? colors.red : colors.yellow;
	const place = `${terminalSafeLine(shortPath(diagnostic.at.file, cwd))}${range ? `:${range.start.line}:${range.start.column}` : ""}`;
	const { severity, message, rule, hint } = diagnostic;
	const lines = [`${colors.bold(place)}  ${paint(severity)}  ${terminalSafe(message)}  ${colors.dim(rule)}`];
	const frame = range && text !== undefined ? codeFrame(text, range, { context: 1 }).join("\n") : "";
	if (frame !== "") lines.push(indent(frame));
	if (hint !== undefined) lines.push(indent(`${colors.cyan("hint:")} ${terminalSafe(hint)}`));
	return lines.join("\n");
}

/** Returns the path relative to `cwd` if it is inside, else unchanged. */
function shortPath(file: string, cwd: string): string {
	const short = relative(cwd, file);
	return short === "" || short.startsWith("..") ? file : short;
}

function indent(text: string): string {
	return text.replace(/^/gm, "  ");
}
