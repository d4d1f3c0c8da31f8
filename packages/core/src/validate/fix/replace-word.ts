import type { CommandWord } from "../../model/command.ts";

/** A string command with another path in the place of one word, quoted where the word was or has to be. */
export function replaceWord(command: string, { range, quoted }: CommandWord, path: string): string {
	const written = quoted || /[^\w@%+=:,./-]/.test(path) ? `'${path.replaceAll("'", "'\\''")}'` : path;
	return command.slice(0, range[0]) + written + command.slice(range[1]);
}
