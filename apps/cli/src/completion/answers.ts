import type { Candidate } from "./candidate.ts";
import type { ShellLine } from "./shell-line.ts";

/**
 * Formats candidates for bash, one per line: quoted as the line needs, and with a space after a finished word, because
 * not every bash can add one itself.
 */
export function answerBash(candidates: readonly Candidate[], { prefix, quote, isHome }: ShellLine): string {
	return lines(
		candidates
			.filter(({ text }) => text.startsWith(prefix))
			.map(({ text, isOpen }) => {
				const rest = text.slice(prefix.length);
				const quoted = isHome ? `~${bashQuoted(rest.slice(1), quote)}` : bashQuoted(rest, quote);
				// Readline closes an open quote itself.
				return isOpen || quote !== "" ? quoted : `${quoted} `;
			}),
	);
}

function bashQuoted(text: string, quote: ShellLine["quote"]): string {
	if (quote === "'") return text.replaceAll("'", "'\\''");
	// History expansion also happens between double quotes, where a backslash can't prevent it.
	if (quote === '"') return text.replace(/["\\$`]/g, "\\$&").replace(/!+/g, `"'$&'"`);
	return text.replace(/[^\p{L}\p{N}\p{M}_./:=@%+,^-]/gu, "\\$&");
}

/**
 * Formats candidates for zsh, one per line: whether the word is open (`+`) or finished (` `), the word (zsh quotes it
 * itself), and its description.
 */
export function answerZsh(candidates: readonly Candidate[], typed: string): string {
	// Text before the last slash is kept as typed, so that zsh still expands the `~` in it.
	const prefixLength = typed.startsWith("~") ? typed.lastIndexOf("/") + 1 : 0;
	return lines(
		candidates.map(
			({ text, about = "", isOpen }) => `${isOpen ? "+" : " "}\t${text.slice(prefixLength)}\t${oneLine(about)}`,
		),
	);
}

/**
 * Formats candidates for fish, one per line: the word (fish quotes it itself, and adds no space after `/` and `=`) and
 * its description.
 */
export function answerFish(candidates: readonly Candidate[]): string {
	return lines(candidates.map(({ text, about }) => (about ? `${text}\t${oneLine(about)}` : text)));
}

function oneLine(text: string): string {
	return text.replace(/[\s\p{Cc}]+/gu, " ").slice(0, 120);
}

function lines(texts: readonly string[]): string {
	return texts.map((text) => `${text}\n`).join("");
}
