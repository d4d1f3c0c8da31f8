/** Returns how many terminal columns a character takes. */
export function characterWidth(character: string): 0 | 1 | 2 {
	if (character < "\u0300") return 1;
	if (/\p{M}|\p{Default_Ignorable_Code_Point}/u.test(character)) return 0;
	return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u.test(
		character,
	)
		? 2
		: 1;
}

const tabStop = 4;

/** A line as a terminal shows it: tabs as spaces, control characters as pictures. */
export interface DisplayLine {
	readonly text: string;
	/** Terminal columns before each UTF-16 unit of the source line, and at its end. */
	readonly columns: readonly number[];
}

/** Lays out a source line, or a part of one, for the terminal. */
export function displayLine(line: string): DisplayLine {
	let text = "";
	let column = 0;
	const columns: number[] = [];
	for (const character of line) {
		for (let unit = 0; unit < character.length; unit++) columns.push(column);
		if (character === "\t") {
			const blanks = tabStop - (column % tabStop);
			text += " ".repeat(blanks);
			column += blanks;
		} else if (
			/[\p{Cc}\p{Surrogate}\u061c\u2028\u2029\ufff9-\ufffb]|(?!\u200c|\u200d|[\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u.test(
				character,
			)
		) {
			text += picture(character);
			column += 1;
		} else {
			text += character;
			column += characterWidth(character);
		}
	}
	columns.push(column);
	return { text, columns };
}

function picture(character: string): string {
	const code = character.codePointAt(0) ?? 0;
	if (code < 0x20) return String.fromCodePoint(0x2400 + code);
	return code === 0x7f ? "\u2421" : "\ufffd";
}
