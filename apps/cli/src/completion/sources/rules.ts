import { ruleDocs, ruleLevels } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

export function ruleIds(): Candidate[] {
	return ruleDocs().map(({ id, summary }) => ({ text: id, about: summary }));
}

/** Completes `id=level`: rules first, then levels. */
export function ruleSettings({ typed }: CompletionRequest): Candidate[] {
	const equals = typed.indexOf("=");
	if (equals < 0) return ruleIds().map((rule) => ({ ...rule, text: `${rule.text}=`, isOpen: true }));
	return ruleLevels.map((level) => ({ text: `${typed.slice(0, equals + 1)}${level}` }));
}
