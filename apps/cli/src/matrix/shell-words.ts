import { AgentvError, terminalSafeLine } from "@agentv/core";

/** Quotes words as one line for a POSIX shell. @throws AgentvError `usage` for control characters */
export function shellWords(words: readonly string[]): string {
	return words.map(shellWord).join(" ");
}

function shellWord(word: string): string {
	if (/\p{Cc}/u.test(word))
		throw new AgentvError(
			"usage",
			`${JSON.stringify(word)} contains a control character and can't be used in a command`,
		);
	return quoted(word);
}

function quoted(word: string): string {
	return /^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns a path quoted for a command to copy; control characters are made visible. */
export function shownWord(path: string): string {
	return quoted(terminalSafeLine(path));
}
