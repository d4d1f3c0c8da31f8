import { distance } from "fastest-levenshtein";
import type { OffsetRange } from "./interpolate.ts";
import type { Span } from "./secret-shapes.ts";

/** Keeps only `[a-z0-9-]`, without accents; the result can be empty. */
export function slugify(text: string): string {
	// A text without accents is usual, and testing is cheaper than normalizing.
	const plain = /[^\0-\x7f]/.test(text) ? text.normalize("NFKD").replace(/\p{M}+/gu, "") : text;
	return plain
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-+|(?<!-)-+$/g, "");
}

const maxStemLength = 60;

/**
 * Returns a file name for `text`, however long or hostile that is: a readable stem and a digest,
 * `[a-z0-9-]` only. Different texts get different names, also on case-insensitive file systems.
 * @param digest hex digest of `text`; by default 12 digits of a fast one, which is not
 * collision-resistant
 */
export function safeName(text: string, digest: string = textDigest(text).slice(0, 12)): string {
	const stem = slugify(text.slice(0, 4 * maxStemLength))
		.slice(0, maxStemLength)
		.replace(/(?<!-)-+$/, "");
	return stem === "" ? digest : `${stem}-${digest}`;
}

/** At most about a third of the letters may differ, apart from case. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
	let nearest: { readonly name: string; readonly changes: number } | undefined;
	for (const candidate of known) {
		const length = Math.max(name.length, candidate.length);
		// Long names are generated ids: comparing them is slow and useless.
		if (length > 200 || candidate === name) continue;
		const changes = distance(name.toLowerCase(), candidate.toLowerCase());
		const allowed = Math.min(Math.max(1, Math.ceil(length / 3)), length - 1);
		if (changes <= allowed && changes < (nearest?.changes ?? length)) nearest = { name: candidate, changes };
	}
	return nearest?.name;
}

/** Not cryptographic: contents are compared by SHA-256. */
function textDigest(text: string): string {
	let high = 0xdeadbeef;
	let low = 0x41c6ce57;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		high = Math.imul(high ^ unit, 0x9e3779b1);
		low = Math.imul(low ^ unit, 0x5f356495);
	}
	high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
	low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
	return hex(high) + hex(low);
}

function hex(bits: number): string {
	return (bits >>> 0).toString(16).padStart(8, "0");
}

const hexDigit = "[\\da-fA-F]";
const byte = "(?:%|\\\\x)";
const continuation = `${byte}[89abAB]${hexDigit}`;
/** Escapes of URLs (UTF-8 bytes), JSON and other quoted strings, and HTML. */
const escapes = [
	`${byte}(?:[cCdD]${hexDigit}${continuation}|[eE]${hexDigit}(?:${continuation}){2}|[fF][0-7](?:${continuation}){3}|${hexDigit}{2})`,
	`\\\\u(?:${hexDigit}{4}|\\{${hexDigit}{1,6}\\})`,
	"\\\\[nrtbf]|\\\\[^\\w\\s]|\\\\[ _]",
	`&(?:amp|quot|apos|lt|gt|#\\d{1,7}|#[xX]${hexDigit}{1,6});`,
];
/** Matches the rest of a truncated escape. */
const cut = [
	`${byte}(?:[cCdD]${hexDigit}|[eE]${hexDigit}(?:${continuation})?|[fF][0-7](?:${continuation}){0,2})?${byte}?${hexDigit}?`,
	`\\\\(?:u${hexDigit}{0,3}|x)?|&[#\\w]{0,7}`,
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
const maxLayers = 8;

/** Undoes one more layer of escapes each time. A truncated text can end within an escape. */
export function* unescapedLayers(text: string, ending: keyof typeof escapesOf = "cut"): Generator<EditedText> {
	let layer = new EditedText(text);
	for (let count = 0; ; count++) {
		yield layer;
		if (count === maxLayers || !/[%&\\]/.test(layer.text)) return;
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

/** Replaces a range of a text (UTF-16 offsets, end exclusive); an empty range inserts. */
export interface TextEdit {
	readonly range: OffsetRange;
	readonly text: string;
}

/**
 * Applies each edit against the original text. Insertions at the same offset keep their order.
 * @throws RangeError if two edits overlap or one is outside the text
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
	const sorted = [...edits].sort((a, b) => a.range[0] - b.range[0] || a.range[1] - b.range[1]);
	let result = "";
	let done = 0;
	for (const { range, text: replacement } of sorted) {
		const [start, end] = range;
		if (start < done || end < start || end > text.length) {
			throw new RangeError(`The edit at ${start}–${end} overlaps another or is outside the text`);
		}
		result += text.slice(done, start) + replacement;
		done = end;
	}
	return result + text.slice(done);
}

interface Edit {
	readonly index: number;
	readonly length: number;
	readonly text: string;
}

/** Text that was edited to make it searchable, with a mapping back to offsets in the original. */
export class EditedText {
	readonly text: string;
	readonly #original: EditedText | undefined;
	readonly #originalLength: number;
	readonly #edits: (readonly [start: number, end: number, from: number, to: number])[] = [];

	/** @param edits in order; an edit that overlaps the previous one is skipped */
	constructor(original: EditedText | string, edits: Iterable<Edit> = []) {
		const whole = typeof original === "string" ? original : original.text;
		this.#original = typeof original === "string" ? undefined : original;
		this.#originalLength = whole.length;
		const pieces: string[] = [];
		let [length, done] = [0, 0];
		for (const { index, length: replaced, text } of edits) {
			if (index < done) continue;
			pieces.push(whole.slice(done, index), text);
			const start = length + index - done;
			length = start + text.length;
			done = index + replaced;
			this.#edits.push([start, length, index, done]);
		}
		this.text = done === 0 ? whole : pieces.join("") + whole.slice(done);
	}

	get isEdited(): boolean {
		return this.#edits.length > 0;
	}

	span([start, end]: Span): Span {
		const isLast = end === this.text.length;
		const span: Span = this.isEdited
			? [this.#place(start)[0], isLast ? this.#originalLength : this.#place(end - 1)[1]]
			: [start, end];
		return this.#original?.span(span) ?? span;
	}

	#place(offset: number): Span {
		let [low, high] = [-1, this.#edits.length - 1];
		while (low < high) {
			const middle = Math.ceil((low + high) / 2);
			if ((this.#edits[middle]?.[0] ?? 0) <= offset) low = middle;
			else high = middle - 1;
		}
		const [, end, from, to] = this.#edits[low] ?? [0, 0, 0, 0];
		return offset < end ? [from, to] : [to + offset - end, to + offset - end + 1];
	}
}

/** `1 test`, `2 tests`. */
export function plural(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `0 B`, `4.2 kB`, `120 MB`. */
export function formatBytes(bytes: number): string {
	if (bytes < 1000) return `${bytes} B`;
	const units = ["kB", "MB", "GB", "TB"];
	let value = bytes / 1000;
	let unit = 0;
	while (value >= 999.5 && unit < units.length - 1) {
		value /= 1000;
		unit += 1;
	}
	return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** `850ms`, `12.3s`, `2m 05s`, `1h 02m`. */
export function formatDuration(milliseconds: number): string {
	const total = Math.max(0, milliseconds);
	if (Math.round(total) < 1000) return `${Math.round(total)}ms`;
	if (total < 59_950) return `${(total / 1000).toFixed(1)}s`;
	const seconds = Math.round(total / 1000);
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
	const minutes = Math.round(seconds / 60);
	return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

function twoDigits(number: number): string {
	return String(number).padStart(2, "0");
}

export interface BoundedMean {
	/** Null if nothing was graded. */
	readonly mean: number | null;
	/** Counts 0 for what the agent broke. Null if nothing was graded or broken. */
	readonly lowerBound: number | null;
	readonly n: number;
	readonly planned: number;
}

interface MeanParts {
	readonly total: number;
	readonly n: number;
	/** `total` plus the items that the agent broke, whose broken attempts count 0. */
	readonly lowestTotal: number;
	/** Items that were not graded because of the agent. */
	readonly broken: number;
	readonly planned: number;
}

/** Every mean or rate that is shown or compared is computed here. */
export function boundedMean({ total, n, lowestTotal, broken, planned }: MeanParts): BoundedMean {
	return {
		mean: n === 0 ? null : total / n,
		lowerBound: n + broken === 0 ? null : lowestTotal / (n + broken),
		...{ n, planned },
	};
}

/** `11 of 12, at least 0.84`; leaves out complete coverage and an equal lower bound. */
function boundText({ mean, lowerBound, n, planned }: BoundedMean, format: (value: number) => string): string {
	const isLower = lowerBound !== null && lowerBound !== mean;
	return [...(n < planned ? [`${n} of ${planned}`] : []), ...(isLower ? [`at least ${format(lowerBound)}`] : [])].join(
		", ",
	);
}

/** `0.92 (11 of 12, at least 0.84)`; the coverage only if incomplete. */
export function boundedMeanText(mean: BoundedMean, format: (value: number) => string): string {
	const bound = boundText(mean, format);
	const value = mean.mean === null ? "–" : format(mean.mean);
	return bound === "" || (mean.mean === null && mean.lowerBound === null) ? value : `${value} (${bound})`;
}

/** Bit-identical regardless of the order in which its numbers are added. */
export class OrderFreeSum {
	readonly #numbers: number[] = [];

	add(number: number): void {
		this.#numbers.push(number);
	}

	get count(): number {
		return this.#numbers.length;
	}

	get total(): number {
		return Float64Array.from(this.#numbers)
			.sort()
			.reduce((sum, number) => sum + number, 0);
	}
}

/** Generates numbers in [0, 1), reproducible on every platform. */
export function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
