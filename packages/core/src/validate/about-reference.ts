import { type Reference, referenceNoun } from "../model/reference.ts";

/** What every finding about a reference tells. */
export interface AboutReference {
	/** As written, after `${{ }}`. */
	readonly raw: string;
	/** What it is: "test data", "hook script". */
	readonly kind: string;
	/** Set for a word of a command that is one text: the part of it that is meant. */
	readonly mark?: string;
}

export function aboutReference(reference: Reference): AboutReference {
	const { raw, word, command } = reference;
	const mark = word && typeof command?.text === "string" ? { mark: raw } : {};
	return { raw, kind: referenceNoun(reference), ...mark };
}
