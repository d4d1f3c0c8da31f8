import type { Candidate } from "./candidate.ts";
import type { ShellLine } from "./shell-line.ts";

/**
 * What bash puts in place, one a line: with the quotes that the line needs, and with the space behind a finished word, because not every
 * bash can be asked for one.
 */
export function answerBash(candidates: readonly Candidate[], { kept, quote, isHome }: ShellLine): string {
	return lines(
		candidates
			.filter(({ text }) => text.startsWith(kept))
			.map(({ text, isOpen }) => {
				const rest = text.slice(kept.length);
				const quoted = isHome ? `~${bashQuoted(rest.slice(1), quote)}` : bashQuoted(rest, quote);
				// Readline closes an open quote itself.
				return isOpen || quote !== "" ? quoted : `${quoted} `;
			}),
	);
}

function bashQuoted(text: string, quote: ShellLine["quote"]): string {
	if (quote === "'") return text.replaceAll("'", "'\\''");
	// History expansion goes by `!` between double quotes, too, where no backslash stops it.
	if (quote === '"') return text.replace(/["\\$`]/g, "\\$&").replace(/!+/g, `"'$&'"`);
	return text.replace(/[^\p{L}\p{N}\p{M}_./:=@%+,^-]/gu, "\\$&");
}

/**
 * What zsh offers, one a line: whether the word goes on (`+`) or is finished (` `), what is put in place (zsh quotes it itself), and
 * what it is.
 */
export function answerZsh(candidates: readonly Candidate[], typed: string): string {
	// What stands before the last slash is kept as typed, so that zsh does not take the `~` there for a letter.
	const kept = typed.startsWith("~") ? typed.lastIndexOf("/") + 1 : 0;
	return lines(
		candidates.map(({ text, about = "", isOpen }) => `${isOpen ? "+" : " "}\t${text.slice(kept)}\t${oneLine(about)}`),
	);
}

/** What fish offers, one a line: the word (fish quotes it itself) and what it is. Behind `/` and `=` fish puts no space. */
export function answerFish(candidates: readonly Candidate[]): string {
	return lines(candidates.map(({ text, about }) => (about ? `${text}\t${oneLine(about)}` : text)));
}

function oneLine(text: string): string {
	return text.replace(/[\s\p{Cc}]+/gu, " ").slice(0, 120);
}

function lines(texts: readonly string[]): string {
	return texts.map((text) => `${text}\n`).join("");
}
