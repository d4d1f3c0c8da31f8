import type { Place } from "../../base/diagnostic.ts";

/** One step of a fix. Rules name what should change; the planner turns it into edits of a file's text. */
export type Change = FieldChange | TargetChange | PinChange;

/** A change of one field, where it stands. */
export type FieldChange =
	/** Puts `value` in the place of the single value at `at`; text as written, `${{ }}` included. */
	| { readonly kind: "value"; readonly at: Place; readonly value: string | number; readonly says: string }
	/** Gives the mapping entry at `at` another key. */
	| { readonly kind: "key"; readonly at: Place; readonly key: string; readonly says: string }
	/** Adds `key: value` to the mapping at `at`. */
	| { readonly kind: "entry"; readonly at: Place; readonly key: string; readonly value: unknown; readonly says: string }
	/** Takes the mapping entry at `at` away. */
	| { readonly kind: "remove"; readonly at: Place; readonly says: string }
	/** Puts the entries of the mapping at `at` in its own place, one level up. */
	| { readonly kind: "unwrap"; readonly at: Place; readonly says: string };

/** Brings the target `name`, with what it needs, into the target file beside the eval in `directory`. */
export interface TargetChange {
	readonly kind: "target";
	readonly name: string;
	readonly directory: string;
	readonly says: string;
}

/** Pins a repository to the commit that its remote has for `ref` (its HEAD where there is none). */
export interface PinChange {
	readonly kind: "pin";
	/** The commit's value where there is one, else the mapping that gets a `commit`. */
	readonly at: Place;
	readonly repo: string;
	readonly ref: string | undefined;
	readonly says: string;
}
