/** Something that is wrong in a file, placed: what the page draws at a line. */
export interface FindingAnswer {
	readonly rule: string;
	readonly severity: "error" | "warning";
	readonly message: string;
	readonly hint: string | null;
	/** Relative to the benchmark (or Studio's directory); outside of it, the file's name only. */
	readonly file: string;
	/** It stands in the eval file itself, so `line` is a line of its source. */
	readonly own: boolean;
	/** 1-based, as are the columns. */
	readonly line: number;
	readonly column: number;
	readonly end_line: number;
	readonly end_column: number;
	/** A fix can mend it. */
	readonly fixable: boolean;
}

/** What is written about a rule. */
export interface RuleAnswer {
	readonly id: string;
	readonly summary: string;
	readonly why: string;
	readonly bad: string;
	readonly good: string;
	readonly mend: string;
	/** The option that mends it, where one does. */
	readonly fixed_by: "fix" | "migrate" | "pin" | null;
}

/** What one rule, or one topic of a rule, came to. */
export interface CheckAnswer {
	readonly rule: string;
	readonly state: "pass" | "fail" | "skip";
	readonly message: string;
	/** Worth a line of its own. */
	readonly notable: boolean;
}
