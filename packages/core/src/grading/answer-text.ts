import { readTextFile } from "../io/files/read-text.ts";
import type { Subject } from "./contract.ts";

/** Returns the whole answer. Redacting can make a recorded one of 64 MB longer. */
export function answerText(subject: Subject): string {
	return subject.outputFile === undefined
		? subject.output
		: readTextFile(subject.outputFile, { maxBytes: 256 * 1024 * 1024, noFollow: true });
}

const longestQuote = 200;

/** Returns an excerpt for evidence: short, so that rows stay small. */
export function quoted(text: string): string {
	return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}
