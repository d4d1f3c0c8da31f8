import { digestText } from "../../io/files/digest-tree.ts";

/** A file's part of a diff, or the lines before the first. */
interface Part {
	readonly text: string;
	/** Its replacement if there is no room. */
	readonly line: string;
}

/**
 * Returns a diff of at most `limit` characters that still names every file: the largest parts
 * become a line each, with length and digest, until the rest fits.
 */
export function condenseChanges(diff: string, limit: number): string {
	if (diff.length <= limit) return diff;
	// Only a line feed ends a line of a diff.
	const [head = "", ...sections] = `\n${diff}`.split(/(?<=\n)(?=diff --git )/);
	const parts = sections.map((text): Part => ({ text, line: lineFor(text) }));
	const bySize = [...parts].sort((one, other) => other.text.length - one.text.length);
	const condensed = new Set<Part>();
	let length = diff.length;
	for (const part of bySize) {
		if (length <= limit) break;
		if (part.line.length >= part.text.length) continue;
		condensed.add(part);
		length -= part.text.length - part.line.length;
	}
	const lines = head.slice(1) + parts.map((part) => (condensed.has(part) ? part.line : "")).join("");
	return (
		countedLines(lines, Math.max(0, limit - (length - lines.length))) +
		parts.map((part) => (condensed.has(part) ? "" : part.text)).join("")
	);
}

function lineFor(section: string): string {
	const names = section.slice("diff --git ".length, section.indexOf("\n"));
	const kind = /^(new|deleted) file mode/m.exec(section.slice(0, section.indexOf("\n@@ ")))?.[1] ?? "changed";
	return `# ${kind} ${names}: a diff of ${section.length} characters, sha256 ${digestText(section)}\n`;
}

/** Returns lines up to the limit, then a count of the rest. */
function countedLines(lines: string, room: number): string {
	if (lines.length <= room) return lines;
	const end = lines.lastIndexOf("\n", Math.max(0, room - 200)) + 1;
	const rest = lines.slice(end);
	const count = rest.split("\n").length - 1;
	return `${lines.slice(0, end)}# and ${count} lines more of ${rest.length} characters, sha256 ${digestText(rest)}\n`;
}
