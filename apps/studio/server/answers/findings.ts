/** A finding with its location. */
export interface FindingAnswer {
	readonly rule: string;
	readonly severity: "error" | "warning";
	readonly message: string;
	readonly hint: string | null;
	/** Relative to the benchmark (or Studio's directory); only the file's name if outside. */
	readonly file: string;
	/** Whether it is in the eval file itself, so that `line` refers to `source`. */
	readonly own: boolean;
	/** 1-based, like the columns. */
	readonly line: number;
	readonly column: number;
	readonly end_line: number;
	readonly end_column: number;

	readonly fixable: boolean;
}

/** Documentation of a rule. */
export interface RuleAnswer {
	readonly id: string;
	readonly summary: string;
	readonly why: string;
	readonly bad: string;
	readonly good: string;
	readonly mend: string;
	/** The option that fixes its findings. */
	readonly fixed_by: "fix" | "migrate" | "pin" | null;
}

/** The result of a rule, or of one topic of a rule. */
export interface CheckAnswer {
	readonly rule: string;
	readonly state: "pass" | "fail" | "skip";
	readonly message: string;
	/** Whether to show it as a line of its own. */
	readonly notable: boolean;
}
