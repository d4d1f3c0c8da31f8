import { type Edit, EditedText } from "./edited-text.ts";

const hex = "[\\da-fA-F]";
const byte = "(?:%|\\\\x)";
const further = `${byte}[89abAB]${hex}`;
/** Escapes of URLs (UTF-8 bytes), JSON and other quoted strings, and HTML. */
const escapes = [
	`${byte}(?:[cCdD]${hex}${further}|[eE]${hex}(?:${further}){2}|[fF][0-7](?:${further}){3}|${hex}{2})`,
	`\\\\u(?:${hex}{4}|\\{${hex}{1,6}\\})`,
	"\\\\[nrtbf]|\\\\[^\\w\\s]|\\\\[ _]",
	`&(?:amp|quot|apos|lt|gt|#\\d{1,7}|#[xX]${hex}{1,6});`,
];
/** The rest of an escape that the text is truncated within. */
const cut = [
	`${byte}(?:[cCdD]${hex}|[eE]${hex}(?:${further})?|[fF][0-7](?:${further}){0,2})?${byte}?${hex}?`,
	`\\\\(?:u${hex}{0,3}|x)?|&[#\\w]{0,7}`,
];
const escapesOf = {
	whole: new RegExp(escapes.join("|"), "g"),
	cut: new RegExp(`(?<cut>(?:${cut.join("|")})(?=$|…|\\.{3}))|${escapes.join("|")}`, "g"),
};
const named: Readonly<Record<string, string>> = {
	...{ "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\b": "\b", "\\f": "\f" },
	...{ "&amp;": "&", "&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">" },
};
/** JSON within JSON within a URL … is rarely deeper. */
const mostLayers = 8;

/**
 * Yields a text as it is, then with one more layer of escapes undone each time, until none is left.
 * A truncated text can end within an escape.
 */
export function* unescapedLayers(text: string, ending: keyof typeof escapesOf = "cut"): Generator<EditedText> {
	let layer = new EditedText(text);
	for (let count = 0; ; count++) {
		yield layer;
		if (count === mostLayers || !/[%&\\]/.test(layer.text)) return;
		layer = new EditedText(layer, edits(layer.text, escapesOf[ending]));
		if (!layer.isEdited) return;
	}
}

function* edits(text: string, pattern: RegExp): Generator<Edit> {
	for (const { 0: whole, index, groups } of text.matchAll(pattern))
		yield { index, length: whole.length, text: groups?.["cut"] === undefined ? character(whole) : "" };
}

function character(escaped: string): string {
	const own = named[escaped];
	if (own !== undefined) return own;
	if (/^(?:%|\\x)/.test(escaped)) {
		const bytes = escaped.replaceAll("\\x", "%");
		try {
			return decodeURIComponent(bytes);
		} catch {
			return String.fromCharCode(Number.parseInt(bytes.slice(1, 3), 16));
		}
	}
	const code = /^(?:\\u\{?|&#[xX])([\da-fA-F]+)/.exec(escaped)?.[1];
	const point = code === undefined ? Number(/^&#(\d+)/.exec(escaped)?.[1] ?? -1) : Number.parseInt(code, 16);
	if (point === -1) return escaped.slice(1);
	return point > 0x10ffff ? "" : String.fromCodePoint(point);
}
