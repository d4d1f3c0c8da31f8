import { isSearchable, looksRandom, type Span } from "./secret-shapes.ts";
import { EditedText, unescapedLayers } from "./text.ts";

const headLength = 8;

/** Relative to the length of the original secret. */
export const longestEscape = 32;

/** Searches for literal and escaped secrets, in base64, and line by line. */
export function knownSecrets(secrets: readonly string[]): (text: string) => Span[] {
	const known = secrets.filter(isSearchable);
	if (known.length === 0) return () => [];
	const findPlain = search(known.flatMap(spellings));
	const findBase64 = search(known.flatMap(base64));
	return (text) => {
		const spans: Span[] = [];
		for (const layer of unescapedLayers(text)) {
			for (const span of findPlain(layer.text)) spans.push(layer.span(span));
			const joined = new EditedText(layer, lineBreaks(layer.text));
			// The URL alphabet uses the same positions.
			for (const span of findBase64(joined.text.replaceAll("-", "+").replaceAll("_", "/")))
				spans.push(joined.span(span));
		}
		return spans;
	};
}

function* lineBreaks(text: string) {
	for (const { 0: whole, index } of text.matchAll(/(?<=[\w+/-])\r?\n[ \t>|]{0,16}(?=[\w+/=-])/g))
		yield { index, length: whole.length, text: "" };
}

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
		const matches: [number, number][] = [];
		for (heads.lastIndex = 0; ; ) {
			const match = heads.exec(text);
			if (!match) return matches;
			const at = match.index;
			let end = 0;
			for (const spelling of byHead.get(match[0]) ?? []) end = Math.max(end, endOf(spelling, text, at));
			// Starts of other texts can be shorter, or begin within this one.
			heads.lastIndex = at + 1;
			const last = matches.at(-1);
			if (end > 0 && last && at < last[1]) last[1] = Math.max(last[1], end);
			else if (end > 0) matches.push([at, end]);
		}
	};
}

function hexEscape(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns where a secret at `at` ends, even if it is truncated; 0 if it is different text. */
function endOf(spelling: string, text: string, at: number): number {
	if (text.startsWith(spelling, at)) return at + spelling.length;
	const left = text.slice(at, at + spelling.length).replace(/(?:…|\.{3})[\s\S]*$/, "");
	const isCut = left.length >= headLength && (at + left.length === text.length || left.length < spelling.length);
	return isCut && spelling.startsWith(left) && /^(?:…|\.{3}|$)/.test(text.slice(at + left.length, at + left.length + 3))
		? at + left.length
		: 0;
}

function spellings(secret: string): string[] {
	const lines = secret.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith("-----"));
	const layers = [...unescapedLayers(secret, "whole")].map(({ text }) => text);
	const plain = layers.filter((text) => text === secret || isSearchable(text.trim()));
	return [...plain, ...plain.map((text) => text.replaceAll(" ", "+")), ...lines];
}

/** Returns, per alignment, what the base64 of any text with the secret has in common. */
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

// A multi-line secret is quoted line by line in a diff, a mail, a code frame, a log, or as JSON, so
// the search ignores line prefixes.

/** Log names, times, quote and diff markers. The start of a PEM header is not a prefix. */
const linePrefix =
	"(?:\\u001b\\[[\\d;]{0,8}m){0,4}(?:[\\w.-]{1,40}[ \\t]{0,16}\\||\\[[^\\]\\n]{1,40}\\]|\\d{4}-\\d\\d-\\d\\dT[\\d:.,]{1,20}Z?)?(?:(?!-----)[\\s>|+\\-:\\d#*\\u2500-\\u257f]|\\\\{1,4}t|\\u001b\\[[\\d;]{0,8}m){0,60}";
const lineStart = new RegExp(`(?:\\r\\n?|\\n|(?:\\\\{1,4}r)?\\\\{1,4}n)${linePrefix}`, "g");
const firstStart = new RegExp(`^${linePrefix}`);

function bareLines(whole: string): EditedText {
	const first = { index: 0, length: firstStart.exec(whole)?.[0].length ?? 0, text: "" };
	const more = Array.from(whole.matchAll(lineStart), ({ 0: start, index }) => ({
		...{ index, length: start.length, text: "\n" },
	}));
	return new EditedText(whole, [first, ...more]);
}

const multiLine =
	/-----(?:BEGIN|END) (?:[A-Z0-9]{1,32} ){0,4}PRIVATE KEY|(?:\b|(?<=\\[nrt]))(?:machine|login)(?=\s|\\{1,4}[nrt])/i;

/** Also returns true for a single line of a multi-line secret. */
export function isOfSeveralLines(text: string): boolean {
	return multiLine.test(text);
}

/** Finds PEM private keys, whole or truncated, and the passwords of a `.netrc`. */
export function findMultiLineSecrets(whole: string, found: Span[]): void {
	if (!isOfSeveralLines(whole)) return;
	const lines = bareLines(whole);
	findPrivateKeys(lines.text, (start, end) => found.push(lines.span([start, end])));
	findKeyEnds(lines.text, (start, end) => {
		const [first, last] = lines.span([start, end]);
		// Line markers can also be characters of a key.
		const eaten = /(?<![\d+-])[\d+-]*$/.exec(whole.slice(Math.max(0, first - 60), first))?.[0].length ?? 0;
		found.push([first - eaten, last]);
	});
	findLogins(lines.text, (start, end) => found.push(lines.span([start, end])));
}

type Add = (start: number, end: number) => void;

export const keyHeader = /-----BEGIN (?:[A-Z0-9]{1,32} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
const keyBody =
	/(?:\s{1,4}[A-Za-z-]{1,24}: [^\n\\]{1,200}){0,4}(?:\s{0,4}[A-Za-z0-9+/=]{16,2048}){0,512}(?:\s{0,4}[A-Za-z0-9+/=]{1,2048})?/y;

function findPrivateKeys(text: string, add: Add): void {
	let end = 0;
	for (const { 0: header, index } of text.matchAll(keyHeader)) {
		const start = index + header.length;
		if (index < end) continue;
		// Without an end marker here, there is none for later keys either.
		if (end !== -1) end = text.indexOf("-----END ", start);
		keyBody.lastIndex = start;
		const body = start + (keyBody.exec(text)?.[0].length ?? 0);
		const close = end === -1 || end - start > 65_536 ? body : end;
		add(index, Math.max(body, close));
	}
}

/** A diff or log may not show the beginning of a key. */
function findKeyEnds(text: string, add: Add): void {
	let before = 0;
	for (const { 0: footer, index } of text.matchAll(/-----END (?:[A-Z0-9]{1,32} ){0,4}PRIVATE KEY/g)) {
		// The marker of a removed line stays: it could belong to the footer.
		let start = text[index - 1] === "-" ? index - 1 : index;
		while (start > before && /[A-Za-z0-9+/=\r\n]/.test(text.charAt(start - 1))) start--;
		const first = text.slice(start, index).search(/[A-Za-z0-9+/=]{16}/);
		if (first !== -1) add(start + first, index);
		before = index + footer.length;
	}
}

const loginBegins = /\b(?:machine|login)\s{1,64}[^\s"]{1,256}|^default(?=\s)/gim;
const loginGoesOn = /\s{1,64}(?:default\b|(machine|login|account|password)\s{1,64}([^\s"\\]{1,1024})[^\s"]{0,256})/iy;

/** Word order varies, and in a diff old lines are interleaved with new ones. */
function findLogins(text: string, add: Add): void {
	for (let begin = loginBegins.exec(text); begin; begin = loginBegins.exec(text)) {
		const [first] = begin;
		let end = loginBegins.lastIndex;
		let isHost = !/^login/i.test(first);
		let isLogin = !isHost;
		const passwords: Span[] = [];
		let isInLines = /(?:^|[\n"])$/.test(text.slice(Math.max(0, begin.index - 1), begin.index));
		for (;;) {
			loginGoesOn.lastIndex = end;
			const next = loginGoesOn.exec(text);
			if (!next) break;
			const [, word = "default", value = ""] = next;
			isHost ||= /^(?:machine|default)$/i.test(word);
			isLogin ||= /^(?:login|account)$/i.test(word);
			isInLines &&= next[0].startsWith("\n");
			if (/password/i.test(word)) {
				const start = text.indexOf(value, end + next[0].indexOf(word) + word.length);
				passwords.push([start, start + value.length]);
			}
			end = loginGoesOn.lastIndex;
		}
		// "The login form's password field" is prose.
		for (const [start, stop] of passwords)
			if ((isHost && isLogin) || isInLines || looksRandom(text.slice(start, stop))) add(start, stop);
		loginBegins.lastIndex = Math.max(end, loginBegins.lastIndex, begin.index + 1);
	}
}
