import type { Place } from "../../base/diagnostic.ts";

/** One step of a fix. Rules name what should change; the planner turns it into edits of a file's text. */
export type Change =
	/** Puts `value` in the place of the text value at `at`; `value` is as written, `${{ }}` included. */
	| { readonly kind: "value"; readonly at: Place; readonly value: string; readonly says: string }
	/** Gives the mapping entry at `at` another key. */
	| { readonly kind: "key"; readonly at: Place; readonly key: string; readonly says: string }
	/** Brings the target `name`, with what it needs, into the target file beside the eval in `directory`. */
	| { readonly kind: "target"; readonly name: string; readonly directory: string; readonly says: string }
	/** Adds `key: value` to the mapping at `at`. */
	| { readonly kind: "entry"; readonly at: Place; readonly key: string; readonly value: string; readonly says: string };
