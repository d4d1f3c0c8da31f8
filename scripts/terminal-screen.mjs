/** `\x1b[2K`, `\x1b[?25l`, `\x1b[1;31m` */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are made of.
const sequence = /\x1b\[([?0-9;]*)([A-Za-z])/y;

const plain = { color: "", bold: false, dim: false };
const colors = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Returns rows of cells `{text, color, bold, dim}`. */
export function terminalScreen(written) {
	const rows = [[]];
	let [row, column, style] = [0, 0, plain];
	const moves = {
		A: (count) => {
			row = Math.max(0, row - count);
		},
		B: (count) => {
			row += count;
		},
		G: (count) => {
			column = count - 1;
		},
		// Clears to the end of the line; with 2, the whole line.
		K: (_count, text) => {
			if (text === "2") rows[row] = [];
			else rows[row].length = Math.min(rows[row].length, column);
		},
		J: () => {
			rows.length = row + 1;
			rows[row].length = Math.min(rows[row].length, column);
		},
		m: (_count, text) => {
			for (const code of text.split(";")) style = styled(style, Number(code || 0));
		},
	};
	for (let at = 0; at < written.length; ) {
		sequence.lastIndex = at;
		const match = sequence.exec(written);
		if (match) {
			const [whole, text, kind] = match;
			moves[kind]?.(Number(text) || 1, text);
			at += whole.length;
		} else {
			const character = String.fromCodePoint(written.codePointAt(at));
			at += character.length;
			if (character === "\r") column = 0;
			else if (character === "\n") row += 1;
			else put(rows, row, column++, { text: character, ...style });
		}
		while (rows.length <= row) rows.push([]);
	}
	while (rows.length > 0 && rows.at(-1).length === 0) rows.pop();
	return rows;
}

function put(rows, row, column, cell) {
	while (rows[row].length < column) rows[row].push({ text: " ", ...plain });
	rows[row][column] = cell;
}

function styled(style, code) {
	if (code === 0) return plain;
	if (code === 1) return { ...style, bold: true };
	if (code === 2) return { ...style, dim: true };
	if (code === 22) return { ...style, bold: false, dim: false };
	if (code === 39) return { ...style, color: "" };
	if (code >= 30 && code <= 37) return { ...style, color: colors[code - 30] };
	if (code >= 90 && code <= 97) return { ...style, color: colors[code - 90] };
	return style;
}
