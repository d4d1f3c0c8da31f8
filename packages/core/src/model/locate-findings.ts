import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Diagnostic, Place } from "../base/diagnostic.ts";
import { locateInLine, parseJsonLines } from "../base/json-lines.ts";
import { parseYaml, type SourceRange } from "../base/yaml-document.ts";
import { type DiskView, openDiskView } from "./disk-view.ts";
import { findScope } from "./eval-scope.ts";
import { pathOutside } from "./reach.ts";

/** A finding with the text of its file and the range in it, as far as known. */
export interface LocatedFinding {
	readonly diagnostic: Diagnostic;
	readonly text?: string;
	readonly range?: SourceRange;
}

type Locator = { readonly text: string; readonly locate: (place: Place) => SourceRange | undefined };

/** Reads every file once. Findings in unreadable files stay unlocated. */
export function locateFindings(
	diagnostics: readonly Diagnostic[],
	view: DiskView = openDiskView(),
): readonly LocatedFinding[] {
	const locators = new Map<string, Locator | undefined>();
	return diagnostics.map((diagnostic) => {
		const { file } = diagnostic.at;
		if (!locators.has(file)) locators.set(file, openLocator(file, view));
		const locator = locators.get(file);
		const range = locator?.locate(diagnostic.at);
		return { diagnostic, ...(locator ? { text: locator.text } : {}), ...(range ? { range } : {}) };
	});
}

function openLocator(file: string, view: DiskView): Locator | undefined {
	try {
		// A link can point to a file outside the eval: never quote that.
		if (pathOutside(file, findScope(dirname(file), dirname(file), view)) !== undefined) return undefined;
		const text = view.readText(file);
		return { text, locate: file.endsWith(".jsonl") ? inLines(text, file) : inDocument(text, file) };
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function inDocument(text: string, file: string): Locator["locate"] {
	const document = parseYaml(text, file);
	return (place) => {
		if (place.path !== undefined || place.range !== undefined) return document.range(place);
		return place.line === undefined ? undefined : wholeLine(text, place.line);
	};
}

function inLines(text: string, file: string): Locator["locate"] {
	const rows = new Map(parseJsonLines(text, file).rows.map((row) => [row.line, row]));
	return (place) => {
		if (place.line === undefined) return undefined;
		const row = rows.get(place.line);
		return row === undefined ? wholeLine(text, place.line) : locateInLine(text, row, place);
	};
}

function wholeLine(text: string, line: number): SourceRange | undefined {
	const lines = text.split("\n");
	const content = lines[line - 1];
	if (content === undefined) return undefined;
	const offset = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
	const { length } = content.replace(/\r$/, "");
	return { start: { line, column: 1, offset }, end: { line, column: length + 1, offset: offset + length } };
}
