import type { Diagnostic } from "../base/diagnostic.ts";
import type { SourceRange } from "../base/yaml-document.ts";

/** A finding on its way out: placed in its file, nothing of the loaded eval left in it. */
export interface ValidationFinding extends Diagnostic {
	/** Where it stands; of a file that can't be read, its first character. */
	readonly range: SourceRange;
	/** The lines around it, marked (see `codeFrame`). */
	readonly frame: readonly string[];
	/** `--fix`, `--migrate` or `--pin` can mend it. */
	readonly fixable: boolean;
	/** It was mended. */
	readonly fixed: boolean;
}

/** What one rule, or one topic of a rule, came to. */
export interface ValidationCheck {
	readonly rule: string;
	/** `skip`: switched off, or nothing in the eval that it could judge. */
	readonly state: "pass" | "fail" | "skip";
	readonly message: string;
	/** Worth a line of its own in a short report. */
	readonly notable: boolean;
}

/** What validation says of one eval. */
export interface EvalValidation {
	/** Absolute path of the eval file. */
	readonly file: string;
	readonly name: string;
	/** The portable root: the smallest directory that holds everything the eval needs; absolute. */
	readonly root: string;
	/** How many tests were loaded. */
	readonly tests: number;
	/** Names of the targets that its tests run on, in the order they are named. */
	readonly targets: readonly string[];
	readonly checks: readonly ValidationCheck[];
	readonly diagnostics: readonly ValidationFinding[];
}
