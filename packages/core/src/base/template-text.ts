import type { OffsetRange } from "./scan-references.ts";

/** A `{{ name }}` in a text. */
export interface TemplateName {
	readonly name: string;
	readonly range: OffsetRange;
	/** Number of earlier occurrences of the same name in the text. */
	readonly nth: number;
}

const namePattern = String.raw`[A-Za-z_][\w-]*(?:\.[\w-]+)*`;
/** `{{{{ name }}}}` is a literal `{{ name }}`; `${{ name }}` is an environment variable. */
const token = new RegExp(String.raw`\{\{(\{\{\s*${namePattern}\s*\}\})\}\}|(?<!\$)\{\{\s*(${namePattern})\s*\}\}`, "g");

/** Returns placeholder names in order. `{{#if …}}` and similar forms don't count. */
export function templateNames(text: string): TemplateName[] {
	if (!text.includes("{{")) return [];
	const found: TemplateName[] = [];
	const seen = new Map<string, number>();
	for (const { 0: whole, 2: name, index } of text.matchAll(token)) {
		if (name === undefined) continue;
		const nth = seen.get(name) ?? 0;
		seen.set(name, nth + 1);
		found.push({ name, range: [index, index + whole.length], nth });
	}
	return found;
}

/** Returns the range in `text` of the `nth` placeholder of this name. */
export function findTemplateName(text: string, name: string, nth: number): OffsetRange | undefined {
	return templateNames(text).find((found) => found.name === name && found.nth === nth)?.range;
}

/**
 * Fills placeholders. A name without a value stays as it is, and `{{{{ name }}}}` becomes
 * `{{ name }}`. Inserted values are never filled again.
 */
export function fillTemplate(text: string, textOf: (name: string) => string | undefined): string {
	if (!text.includes("{{")) return text;
	return text.replace(token, (whole, literal: string | undefined, name: string) =>
		literal === undefined ? (textOf(name) ?? whole) : literal,
	);
}

/** Like `fillTemplate`, but literals stay escaped, because the text is filled again. */
export function fillTemplateInPart(text: string, textOf: (name: string) => string | undefined): string {
	if (!text.includes("{{")) return text;
	return text.replace(token, (whole, literal: string | undefined, name: string) => {
		const value = literal === undefined ? textOf(name) : undefined;
		return value === undefined ? whole : value.replace(token, (inner) => `{{${inner}}}`);
	});
}
