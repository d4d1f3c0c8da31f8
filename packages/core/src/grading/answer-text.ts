import { readTextFile } from "../io/files/read-text.ts";
import type { Subject } from "./contract.ts";

/** The whole final answer, also where it was too large to be kept in memory. A recorded one of 64 MB may have grown when secrets were redacted. */
export function answerText(subject: Subject): string {
	return subject.outputFile === undefined
		? subject.output
		: readTextFile(subject.outputFile, { maxBytes: 256 * 1024 * 1024, noFollow: true });
}

const longestQuote = 200;

/** A piece of text for evidence: short, so that a row stays a row. */
export function quoted(text: string): string {
	return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}
