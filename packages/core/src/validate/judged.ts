import type { Diagnostic } from "../base/diagnostic.ts";
import type { Rule } from "./rule.ts";

/** A finding with the rule that made it. */
export interface Judged {
	readonly rule: Rule;
	readonly found: Diagnostic;
}
