import { Scalar } from "yaml";
import type { TextEdit } from "./text-edits.ts";
import { columnOf, lineBreakOf, lineEnd, lineStart } from "./yaml-layout.ts";

/**
 * Returns an edit that replaces the text of the block scalar `node`, keeping its header (with its
 * comment) as far as the text allows. Undefined if a block scalar can't represent the text that
 * simply: it must be quoted then.
 */
export function replaceBlockScalar(text: string, node: Scalar.Parsed, value: string): TextEdit | undefined {
	const headerEnd = lineEnd(text, node.range[0]);
	const header = /^([|>])([+-]?)\d?([+-]?)([\s\S]*)$/.exec(text.slice(node.range[0], headerEnd));
	const body = text.slice(headerEnd, Math.max(headerEnd, node.range[1]));
	const [, style = "|", chompBefore = "", chompAfter = "", comment = ""] = header ?? [];
	if (header === null || !fits(value)) return undefined;
	const lines = value.replace(/\n$/, "").split("\n");
	const written = body.trimEnd();
	const trailing = body.slice(written.length).replace(/^\r?\n/, "");
	const chomp = chomping(chompBefore || chompAfter, value.endsWith("\n"), trailing !== "");
	// A folded scalar keeps a single line as it is; with more, folding would have to be undone.
	const folded = style === ">" && lines.length === 1 && node.type === Scalar.BLOCK_FOLDED;
	const indent = " ".repeat(bodyIndent(written) ?? keyColumn(text, node) + 2);
	const lineBreak = lineBreakOf(text);
	const content = lines.map((line) => (line === "" ? "" : indent + line)).join(lineBreak);
	return {
		range: [node.range[0], headerEnd + written.length],
		text: `${folded ? ">" : "|"}${chomp}${comment}${lineBreak}${content}`,
	};
}

/** Returns whether text needs no indentation indicator, escapes or trailing blank lines. */
function fits(value: string): boolean {
	return /^[^\s]/.test(value) && !/[ \t]$|\n\n$|[^\P{Cc}\n\t]|[\p{Cs}\u2028\u2029\ufeff]/u.test(value);
}

function chomping(before: string, endsWithNewline: boolean, blankLinesFollow: boolean): string {
	if (!endsWithNewline) return "-";
	return before === "+" && !blankLinesFollow ? "+" : "";
}

function bodyIndent(body: string): number | undefined {
	const indents = body
		.split(/\r?\n/)
		.flatMap((line) => (line.trim() === "" ? [] : [line.length - line.trimStart().length]));
	return indents.length === 0 ? undefined : Math.min(...indents);
}

function keyColumn(text: string, node: Scalar.Parsed): number {
	const line = text.slice(lineStart(text, node.range[0]), node.range[0]);
	const dashes = /^[ ]*(?:- +)*/.exec(line)?.[0].length ?? 0;
	return Math.min(dashes, columnOf(text, node.range[0]));
}
