export interface DiffFile {
	/** As in the diff; `/` between components. */
	readonly path: string;
	/** Undefined for a new file. */
	readonly before: string | undefined;
	readonly after: string;
}

const context = 3;

/** Returns a unified diff for `git apply` and `patch -p1`; "" without changes. */
export function unifiedDiff({ path, before, after }: DiffFile): string {
	if (before === after) return "";
	const old = linesOf(before ?? "");
	const now = linesOf(after);
	const hunks = hunksOf(editsBetween(old, now), old, now);
	const name = (prefix: string) => quotedName(`${prefix}/${path}`);
	const from = before === undefined ? "/dev/null" : name("a");
	const header = before === undefined ? `diff --git ${name("a")} ${name("b")}\nnew file mode 100644\n` : "";
	return `${header}--- ${from}\n+++ ${name("b")}\n${hunks.join("")}`;
}

function quotedName(name: string): string {
	return /["\\\p{Cc}]/u.test(name) ? JSON.stringify(name) : /\s/.test(name) ? `${name}\t` : name;
}

/** Splits text into lines with their line breaks. */
function linesOf(text: string): string[] {
	return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A range of old lines and its replacement: `[from, to)` each. */
interface Edit {
	readonly old: readonly [number, number];
	readonly now: readonly [number, number];
}

/** Returns the differences of two lists of lines. Skips equal ends, since fixes change little. */
function editsBetween(old: readonly string[], now: readonly string[]): Edit[] {
	let start = 0;
	while (start < old.length && start < now.length && old[start] === now[start]) start++;
	let [oldEnd, nowEnd] = [old.length, now.length];
	while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
		oldEnd--;
		nowEnd--;
	}
	const size = (oldEnd - start) * (nowEnd - start);
	if (size === 0 || size > 4_000_000) return [{ old: [start, oldEnd], now: [start, nowEnd] }];
	return aligned(old.slice(start, oldEnd), now.slice(start, nowEnd), start);
}

/** Aligns by the longest common subsequence. */
function aligned(old: readonly string[], now: readonly string[], offset: number): Edit[] {
	const width = now.length + 1;
	const longest = new Uint32Array((old.length + 1) * width);
	const at = (i: number, j: number) => longest[i * width + j] ?? 0;
	for (let i = old.length - 1; i >= 0; i--)
		for (let j = now.length - 1; j >= 0; j--)
			longest[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
	const edits: Edit[] = [];
	let [i, j] = [0, 0];
	while (i < old.length || j < now.length) {
		if (i < old.length && j < now.length && old[i] === now[j]) {
			i++;
			j++;
			continue;
		}
		const [fromOld, fromNow] = [i, j];
		while ((i < old.length || j < now.length) && !(i < old.length && j < now.length && old[i] === now[j])) {
			if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) i++;
			else j++;
		}
		edits.push({ old: [fromOld + offset, i + offset], now: [fromNow + offset, j + offset] });
	}
	return edits;
}

function hunksOf(edits: readonly Edit[], old: readonly string[], now: readonly string[]): string[] {
	const groups: Edit[][] = [];
	for (const edit of edits) {
		const last = groups.at(-1);
		const before = last?.at(-1);
		if (last && before && edit.old[0] - before.old[1] <= 2 * context) last.push(edit);
		else groups.push([edit]);
	}
	return groups.map((group) => hunk(group, old, now));
}

function hunk(group: readonly Edit[], old: readonly string[], now: readonly string[]): string {
	const [first, last] = [group[0] as Edit, group.at(-1) as Edit];
	const before = Math.min(context, first.old[0]);
	const after = Math.min(context, old.length - last.old[1]);
	const lines: string[] = [];
	let at = first.old[0] - before;
	for (const edit of group) {
		lines.push(...old.slice(at, edit.old[0]).map((line) => ` ${line}`));
		lines.push(
			...old.slice(...edit.old).map((line) => `-${line}`),
			...now.slice(...edit.now).map((line) => `+${line}`),
		);
		at = edit.old[1];
	}
	lines.push(...old.slice(at, at + after).map((line) => ` ${line}`));
	const range = (start: number, end: number) => `${end === start ? start : start + 1},${end - start}`;
	const header = `@@ -${range(first.old[0] - before, last.old[1] + after)} +${range(first.now[0] - before, last.now[1] + after)} @@\n`;
	return (
		header + lines.map((line) => (line.endsWith("\n") ? line : `${line}\n\\ No newline at end of file\n`)).join("")
	);
}
