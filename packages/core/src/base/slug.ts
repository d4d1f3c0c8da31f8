import { textDigest } from "./text-digest.ts";

/** Returns `text` as `[a-z0-9-]`, without accents; empty if nothing is left. */
export function slugify(text: string): string {
	// Usually there is no accent: testing for one is cheaper than normalizing.
	const plain = /[^\0-\x7f]/.test(text) ? text.normalize("NFKD").replace(/\p{M}+/gu, "") : text;
	return plain
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-+|(?<!-)-+$/g, "");
}

const longestStem = 60;

/**
 * Returns a file name for `text`, however long or hostile that is: a readable stem and a digest,
 * `[a-z0-9-]` only.
 * Different texts get different names, also on case-insensitive file systems.
 * @param digest hex digest of `text`; by default 12 digits of a fast one, which is not
 * collision-resistant
 */
export function safeName(text: string, digest: string = textDigest(text).slice(0, 12)): string {
	const stem = slugify(text.slice(0, 4 * longestStem))
		.slice(0, longestStem)
		.replace(/(?<!-)-+$/, "");
	return stem === "" ? digest : `${stem}-${digest}`;
}
