import type { ValidationFinding } from "../eval-result.ts";

/** A file as the fixes leave it. */
export interface PlannedFile {
	/** Absolute. */
	readonly path: string;
	/** Undefined for a new file. */
	readonly before: string | undefined;
	readonly after: string;
}

/** One change, for people. */
export interface PlannedChange {
	readonly rule: string;
	/** Absolute path of the file that changes. */
	readonly file: string;
	/** Where the finding stands. */
	readonly at: { readonly file: string; readonly line: number; readonly column: number };
	/** What changes, a few words. */
	readonly says: string;
}

/** What fixing would do. Nothing has been written. */
export interface FixPlan {
	readonly files: readonly PlannedFile[];
	readonly changes: readonly PlannedChange[];
	/** The findings that it mends, by eval file. */
	readonly mended: ReadonlyMap<string, readonly ValidationFinding[]>;
	/** Findings that could not be mended although their rule knows how, and why. */
	readonly refused: readonly { readonly finding: ValidationFinding; readonly reason: string }[];
	/** What each eval that it touches means, before as after. */
	readonly meanings: ReadonlyMap<string, string>;
	/** Absolute; where the evals and what they import are, and where a fix that was killed may have left something. */
	readonly directories: ReadonlySet<string>;
}
