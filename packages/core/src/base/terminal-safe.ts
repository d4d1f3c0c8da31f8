/** Control characters, and the invisible marks that turn text around (bidirectional overrides and isolates). */
const steering = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * `text` as a terminal may show it: newlines and tabs stay, `\r\n` becomes `\n`, and every other character that could
 * steer the terminal or reorder its text becomes a visible picture (`␛` for escape) or `\u{…}`.
 */
export function terminalSafe(text: string): string {
	return text.replaceAll("\r\n", "\n").replace(steering, visible);
}

/** Like `terminalSafe`, on one line: newlines and tabs become visible too. */
export function terminalSafeLine(text: string): string {
	return terminalSafe(text).replace(/[\n\t]/g, visible);
}

function visible(character: string): string {
	const code = character.codePointAt(0) ?? 0;
	if (code < 0x20) return String.fromCodePoint(0x2400 + code);
	return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`;
}
