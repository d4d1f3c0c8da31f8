/** A line of a unified diff as it is drawn. */
export interface DiffLine {
	readonly kind: "file" | "hunk" | "added" | "removed" | "same" | "note";
	readonly text: string;
	/** Line numbers before and after. */
	readonly before?: number;
	readonly after?: number;
}

/** Reads a unified diff, git's or plain, of any number of files. */
export function parseDiff(diff: string): readonly DiffLine[] {
	const lines: DiffLine[] = [];
	let [before, after, left, right] = [0, 0, 0, 0];
	for (const line of diff.replace(/\n$/, "").split("\n")) {
		const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(line);
		if (hunk) {
			[before, left] = [Number(hunk[1]), Number(hunk[2] ?? 1)];
			[after, right] = [Number(hunk[3]), Number(hunk[4] ?? 1)];
			lines.push({ kind: "hunk", text: line });
		} else if (left > 0 || right > 0) {
			const text = line.slice(1);
			if (line.startsWith("+")) {
				lines.push({ kind: "added", text, after: after++ });
				right -= 1;
			} else if (line.startsWith("-")) {
				lines.push({ kind: "removed", text, before: before++ });
				left -= 1;
			} else if (line.startsWith("\\")) lines.push({ kind: "note", text: line });
			else {
				lines.push({ kind: "same", text, before: before++, after: after++ });
				left -= 1;
				right -= 1;
			}
		} else headLine(line, lines);
	}
	return lines;
}

/** Lines between hunks: one heading for each file, and what else git says of it. */
function headLine(line: string, lines: DiffLine[]): void {
	const name = /^(?:diff --git a\/.* b\/|\+\+\+ (?:b\/)?)(.+?)\t?$/.exec(line)?.[1];
	const heading = lines.findLast(({ kind }) => kind === "file");
	const isOpen = lines.at(-1)?.kind === "file" || lines.at(-1)?.kind === "note";
	if (name !== undefined && name !== "/dev/null") {
		if (!(isOpen && heading?.text === name)) lines.push({ kind: "file", text: name });
	} else if (/^(new file|deleted file|rename|Binary|old mode|new mode|similarity|\\)/.test(line))
		lines.push({ kind: "note", text: line });
}
