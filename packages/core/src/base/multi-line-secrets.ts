import { EditedText } from "./edited-text.ts";
import { looksRandom, type Span } from "./secret-shapes.ts";

// A multi-line secret is quoted line by line in a diff, a mail, a code frame, a log, or as JSON. It
// is searched for in the text without the line prefixes.

/** Log names, times, quote and diff markers. The start of a PEM header is not a prefix. */
const linePrefix =
	"(?:\\u001b\\[[\\d;]{0,8}m){0,4}(?:[\\w.-]{1,40}[ \\t]{0,16}\\||\\[[^\\]\\n]{1,40}\\]|\\d{4}-\\d\\d-\\d\\dT[\\d:.,]{1,20}Z?)?(?:(?!-----)[\\s>|+\\-:\\d#*\\u2500-\\u257f]|\\\\{1,4}t|\\u001b\\[[\\d;]{0,8}m){0,60}";
const lineStart = new RegExp(`(?:\\r\\n?|\\n|(?:\\\\{1,4}r)?\\\\{1,4}n)${linePrefix}`, "g");
const firstStart = new RegExp(`^${linePrefix}`);

/** Returns a text without its line prefixes. */
function bareLines(whole: string): EditedText {
	const first = { index: 0, length: firstStart.exec(whole)?.[0].length ?? 0, text: "" };
	const further = Array.from(whole.matchAll(lineStart), ({ 0: start, index }) => ({
		...{ index, length: start.length, text: "\n" },
	}));
	return new EditedText(whole, [first, ...further]);
}

const multiLine =
	/-----(?:BEGIN|END) (?:[A-Z0-9]{1,32} ){0,4}PRIVATE KEY|(?:\b|(?<=\\[nrt]))(?:machine|login)(?=\s|\\{1,4}[nrt])/i;

/** Returns whether a text can contain a multi-line secret, or a line of one. */
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

/** Finds the last lines of keys whose beginning a diff or log doesn't show. */
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
