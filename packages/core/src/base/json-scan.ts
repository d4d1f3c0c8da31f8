import type { OffsetRange } from "./scan-references.ts";

/** What `JSON.parse` does not report about a JSON text. */
export interface JsonSpelling {
	/** The second occurrence of the first duplicate key in a mapping. */
	readonly duplicate?: { readonly key: string; readonly range: OffsetRange };
	/** Numbers that `String` would spell differently (`3.10`, `1e3`), by path joined with NUL. */
	readonly spelled: ReadonlyMap<string, string>;
}

const none: ReadonlyMap<string, string> = new Map();
const [quote, backslash, comma, openList, closeList, openMap, closeMap, minus, zero, nine] = [
	34, 92, 44, 91, 93, 123, 125, 45, 48, 57,
] as const;

interface Holder {
	/** Keys seen so far; undefined for a list. */
	readonly keys: Set<string> | undefined;
	key: string | number;
}

/** Scans a text that `JSON.parse` accepts. */
export function spellingOf(text: string): JsonSpelling {
	const holders: Holder[] = [];
	let spelled: Map<string, string> | undefined;
	let duplicate: JsonSpelling["duplicate"];
	let expectsKey = false;
	let at = 0;
	while (at < text.length) {
		const code = text.charCodeAt(at);
		const holder = holders.at(-1);
		if (code === quote) {
			const end = endOfString(text, at);
			if (expectsKey && holder?.keys) {
				const key = keyOf(text.slice(at, end));
				if (holder.keys.has(key)) duplicate ??= { key, range: [at, end] };
				holder.keys.add(key);
				holder.key = key;
				expectsKey = false;
			}
			at = end;
		} else if (code === openMap) {
			holders.push({ keys: new Set(), key: "" });
			expectsKey = true;
			at++;
		} else if (code === openList) {
			holders.push({ keys: undefined, key: 0 });
			expectsKey = false;
			at++;
		} else if (code === closeMap || code === closeList) {
			holders.pop();
			expectsKey = false;
			at++;
		} else if (code === comma) {
			expectsKey = holder?.keys !== undefined;
			if (typeof holder?.key === "number") holder.key++;
			at++;
		} else if (code === minus || (code >= zero && code <= nine)) {
			const end = endOfNumber(text, at);
			const source = text.slice(at, end);
			if (source.length > 1 && String(Number(source)) !== source) {
				spelled ??= new Map();
				spelled.set(holders.map(({ key }) => key).join("\0"), source);
			}
			at = end;
		} else at++;
	}
	return { spelled: spelled ?? none, ...(duplicate ? { duplicate } : {}) };
}

function endOfString(text: string, start: number): number {
	for (let at = start + 1; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === backslash) at++;
		else if (code === quote) return at + 1;
	}
	return text.length;
}

function endOfNumber(text: string, start: number): number {
	let at = start + 1;
	while (at < text.length && /[\d.eE+-]/.test(text[at] ?? "")) at++;
	return at;
}

/** Decodes a key: `"a"` and `"\u0061"` are the same one. */
function keyOf(source: string): string {
	return source.includes("\\") ? (JSON.parse(source) as string) : source.slice(1, -1);
}

/** Returns the offset and text of a number with a leading 0, which JSON does not allow. */
export function numberWithLeadingZero(
	source: string,
	near: number,
): { readonly text: string; readonly offset: number } | undefined {
	const start = source.slice(0, near).search(/(?:-|(?<![-\d]))\d+$/);
	const offset = start === -1 ? near : start;
	const text = /^-?0\d[\d.eE+-]*/.exec(source.slice(offset))?.[0];
	return text === undefined ? undefined : { text, offset };
}
