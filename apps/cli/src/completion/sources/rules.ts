import { ruleDocs, ruleLevels } from "@agentv/core";
import type { Asked } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

/** The validation rules. */
export function ruleIds(): Candidate[] {
	return ruleDocs().map(({ id, summary }) => ({ text: id, about: summary }));
}

/** `id=level`: first the rules, then the levels of the one that is typed. */
export function ruleSettings({ typed }: Asked): Candidate[] {
	const equals = typed.indexOf("=");
	if (equals < 0) return ruleIds().map((rule) => ({ ...rule, text: `${rule.text}=`, isOpen: true }));
	return ruleLevels.map((level) => ({ text: `${typed.slice(0, equals + 1)}${level}` }));
}
