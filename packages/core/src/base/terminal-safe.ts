/**
 * Characters that act instead of being shown, or are invisible: controls (C0 and C1, which begin
 * escape sequences), marks that reverse text, zero-width and tag characters. A joiner between
 * emoji, or within the scripts that need it, is part of the text.
 */
const steering =
	/[^\P{Cc}\n\t]|[\u2028\u2029\ufff9-\ufffb\u061c\u180e]|(?!\u200c|\u200d|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}])\p{Default_Ignorable_Code_Point}|(?<![\u0600-\u0dff])\u200c|\u200c(?![\u0600-\u0dff])|(?<![\u0600-\u0dff]|\ufe0f|[\u{1f3fb}-\u{1f3ff}]|\p{Extended_Pictographic})\u200d|\u200d(?![\u0600-\u0dff\p{Extended_Pictographic}])/gu;

/**
 * Returns `text` made safe for a terminal: newlines and tabs stay, `\r\n` becomes `\n`, and every
 * other character that could control the terminal, reorder its text or hide becomes a visible
 * picture (`␛` for escape) or `\u{…}`.
 */
export function terminalSafe(text: string): string {
	return neutral(text.replaceAll("\r\n", "\n"), visible);
}

/** Like `terminalSafe`, on one line: newlines and tabs become visible, too. */
export function terminalSafeLine(text: string): string {
	return terminalSafe(text).replace(/[\n\t]/g, visible);
}

/** Replaces the characters that act instead of being shown. */
export function neutral(text: string, replace: (character: string) => string): string {
	return text.replace(steering, replace);
}

function visible(character: string): string {
	const code = character.codePointAt(0) ?? 0;
	if (code < 0x20) return String.fromCodePoint(0x2400 + code);
	return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`;
}
