import type { Severity } from "../base/diagnostic.ts";
import type { FixWhen, RuleDocs, RuleGroup } from "./rule.ts";
import { unknownRule } from "./rule-levels.ts";
import { findRule, rules } from "./rules.ts";

/** What is written about a rule, for `--explain`, the docs table and Studio. */
export interface RuleDoc extends RuleDocs {
	readonly id: string;
	readonly group: RuleGroup;
	readonly severity: Severity;
	readonly summary: string;
	/** The option that mends its findings. */
	readonly fixedBy?: FixWhen;
}

/** The docs of every rule, in their order. */
export function ruleDocs(): readonly RuleDoc[] {
	return rules.map(({ id, group, severity, summary, docs, fixedBy }) => ({
		id,
		group,
		severity,
		summary,
		...docs,
		...(fixedBy ? { fixedBy } : {}),
	}));
}

/** The docs of one rule. Throws `AgentvError` `usage`, with the nearest id, for a rule that there is not. */
export function ruleDoc(id: string): RuleDoc {
	const doc = findRule(id) && ruleDocs().find((one) => one.id === id);
	if (!doc) throw unknownRule(id);
	return doc;
}
