import { relative } from "node:path";
import type { Diagnostic } from "@agentv/core";
import { codeFrame, type Spot } from "./code-frame.ts";
import type { Colors } from "./colors.ts";

/** Where a finding stands once it is printed: its spot and the text around it, as far as known. */
export interface Located {
	readonly diagnostic: Diagnostic;
	readonly spot?: Spot;
	readonly text?: string;
}

/** One finding for people: place, severity, sentence, rule; the code frame; the hint. Ends without a newline. */
export function diagnosticText({ diagnostic, spot, text }: Located, cwd: string, colors: Colors): string {
	const paint = diagnostic.severity === "error" ? colors.red : colors.yellow;
	const place = `${shortPath(diagnostic.at.file, cwd)}${spot ? `:${spot.line}:${spot.column}` : ""}`;
	const lines = [
		`${colors.bold(place)}  ${paint(diagnostic.severity)}  ${diagnostic.message}  ${colors.dim(diagnostic.rule)}`,
	];
	const frame = spot && text !== undefined ? codeFrame(text, spot, colors) : "";
	if (frame !== "") lines.push(indent(frame));
	if (diagnostic.hint !== undefined) lines.push(indent(`${colors.cyan("hint:")} ${diagnostic.hint}`));
	return lines.join("\n");
}

/** The path relative to `cwd` where that is shorter to read, else as it is. */
export function shortPath(file: string, cwd: string): string {
	const short = relative(cwd, file);
	return short === "" || short.startsWith("..") ? file : short;
}

function indent(text: string): string {
	return text.replace(/^/gm, "  ");
}
