import { type Diagnostic, finding, type Place } from "./diagnostic.ts";
import type { SourceRange } from "./yaml-document.ts";
export interface JsonLine {
	readonly line: number;
	readonly value: unknown;
	readonly range: readonly [number, number];
}
export function parseJsonLines(text: string, file: string): { rows: JsonLine[]; diagnostics: Diagnostic[] } {
	const rows: JsonLine[] = [];
	const diagnostics: Diagnostic[] = [];
	let o = 0;
	for (const [i, l] of text.split("\n").entries()) {
		if (l.trim())
			try {
				rows.push({ line: i + 1, value: JSON.parse(l), range: [o, o + l.length] });
			} catch (e) {
				diagnostics.push(
					finding(
						{ rule: "yaml.syntax", severity: "error", message: () => (e as Error).message },
						{},
						{ file, line: i + 1 },
					),
				);
			}
		o += l.length + 1;
	}
	return { rows, diagnostics };
}
export function locateInLine(_text: string, row: JsonLine, _place: Place): SourceRange {
	return {
		start: { line: row.line, column: 1, offset: row.range[0] },
		end: { line: row.line, column: 1 + row.range[1] - row.range[0], offset: row.range[1] },
	};
}
