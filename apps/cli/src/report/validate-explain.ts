import type { RuleDoc } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

const fixOptions = { fix: "--fix", migrate: "--migrate", pin: "--pin" } as const;

/** Prints the documentation of a rule. */
export function explainRule(doc: RuleDoc, colors: Colors): CommandResult {
	const by = doc.fixedBy ? `, fixed by ${fixOptions[doc.fixedBy]}` : "";
	const lines = [
		`${colors.bold(doc.id)}  ${doc.severity}${by}`,
		doc.summary,
		"",
		colors.bold("Why"),
		indent(doc.why),
		"",
		colors.bold("Bad"),
		indent(doc.bad),
		"",
		colors.bold("Good"),
		indent(doc.good),
		"",
		colors.bold("How to fix it"),
		indent(doc.mend),
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}

function indent(text: string): string {
	return text.replace(/^(?=.)/gm, "  ");
}
