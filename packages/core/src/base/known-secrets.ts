import { EditedText } from "./edited-text.ts";
import { isSearchable, type Span } from "./secret-shapes.ts";
import { unescapedLayers } from "./unescape-text.ts";

const headLength = 8;

/** Maximum length of an escaped secret, relative to the original. */
export const longestEscape = 32;

/** Returns a search for known secrets: literal, escaped, in base64, and line by line. */
export function knownSecrets(secrets: readonly string[]): (text: string) => Span[] {
	const known = secrets.filter(isSearchable);
	if (known.length === 0) return () => [];
	const findPlain = search(known.flatMap(spellings));
	const findBase64 = search(known.flatMap(base64));
	return (text) => {
		const found: Span[] = [];
		for (const layer of unescapedLayers(text)) {
			for (const span of findPlain(layer.text)) found.push(layer.span(span));
			const joined = new EditedText(layer, lineBreaks(layer.text));
			// The URL alphabet uses the same positions.
			for (const span of findBase64(joined.text.replaceAll("-", "+").replaceAll("_", "/")))
				found.push(joined.span(span));
		}
		return found;
	};
}

/** Yields breaks within possible base64, also in a quoted mail. */
function* lineBreaks(text: string) {
	for (const { 0: whole, index } of text.matchAll(/(?<=[\w+/-])\r?\n[ \t>|]{0,16}(?=[\w+/=-])/g))
		yield { index, length: whole.length, text: "" };
}

/** Returns a search for several texts. One pass finds the starts of all. */
function search(texts: readonly string[]): (text: string) => Span[] {
	const byHead = new Map<string, string[]>();
	for (const text of new Set(texts)) {
		const head = text.slice(0, headLength);
		const known = byHead.get(head);
		if (known) known.push(text);
		else byHead.set(head, [text]);
	}
	if (byHead.size === 0) return () => [];
	const heads = new RegExp([...byHead.keys()].map((head) => head.replace(/[^\w]/g, hexEscape)).join("|"), "g");
	return (text) => {
		const found: [number, number][] = [];
		for (heads.lastIndex = 0; ; ) {
			const match = heads.exec(text);
			if (!match) return found;
			const at = match.index;
			let end = 0;
			for (const spelling of byHead.get(match[0]) ?? []) end = Math.max(end, endOf(spelling, text, at));
			// Starts of others can be shorter, or begin within this one.
			heads.lastIndex = at + 1;
			const last = found.at(-1);
			if (end > 0 && last && at < last[1]) last[1] = Math.max(last[1], end);
			else if (end > 0) found.push([at, end]);
		}
	};
}

function hexEscape(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns where a secret at `at` ends, even if truncated; 0 if it is different text. */
function endOf(spelling: string, text: string, at: number): number {
	if (text.startsWith(spelling, at)) return at + spelling.length;
	const left = text.slice(at, at + spelling.length).replace(/(?:…|\.{3})[\s\S]*$/, "");
	const isCut = left.length >= headLength && (at + left.length === text.length || left.length < spelling.length);
	return isCut && spelling.startsWith(left) && /^(?:…|\.{3}|$)/.test(text.slice(at + left.length, at + left.length + 3))
		? at + left.length
		: 0;
}

/** Returns a secret's spellings within one layer of escapes, including its lines. */
function spellings(secret: string): string[] {
	const lines = secret.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith("-----"));
	const layers = [...unescapedLayers(secret, "whole")].map(({ text }) => text);
	const plain = layers.filter((text) => text === secret || isSearchable(text.trim()));
	return [...plain, ...plain.map((text) => text.replaceAll(" ", "+")), ...lines];
}

/** Returns what the base64 of any text that contains the secret has in common, per alignment. */
function base64(secret: string): string[] {
	const bytes = Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join("");
	return [0, 1, 2].flatMap((before) => {
		const text = btoa("\0".repeat(before) + bytes).slice(
			Math.ceil((8 * before) / 6),
			Math.floor((8 * (before + bytes.length)) / 6),
		);
		return text.length < headLength ? [] : [text];
	});
}
