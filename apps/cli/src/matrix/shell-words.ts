import { AgentvError, terminalSafeLine } from "@agentv/core";

/** Words as one line of a POSIX shell, which reads them again as they are. @throws AgentvError `usage` for what fits on no line */
export function shellWords(words: readonly string[]): string {
	return words.map(shellWord).join(" ");
}

function shellWord(word: string): string {
	if (/\p{Cc}/u.test(word))
		throw new AgentvError("usage", `${JSON.stringify(word)} contains a control character and fits into no command`);
	return quoted(word);
}

function quoted(word: string): string {
	return /^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns a path as it is written in a command that is shown to be typed; control characters are made visible. */
export function shownWord(path: string): string {
	return quoted(terminalSafeLine(path));
}
