import { ruleGroups } from "./rule.ts";
import { type RuleDoc, ruleDocs } from "./rule-docs.ts";

const fixedBy = { fix: "`--fix`", migrate: "`--migrate`", pin: "`--pin`" } as const;

/** The page docs/validation-rules.md: a table of all rules, then each one's text. A test keeps the file equal to this. */
export function rulesPage(): string {
	const docs = ruleDocs();
	const table = docs.map(
		({ id, severity, summary, fixedBy: by }) =>
			`| [\`${id}\`](#${id.replace(".", "")}) | ${severity} | ${by ? fixedBy[by] : ""} | ${summary} |`,
	);
	const sections = ruleGroups.flatMap((group) => [
		`## ${group[0]?.toUpperCase()}${group.slice(1)}`,
		...docs.filter((doc) => doc.group === group).map(section),
	]);
	return `${[
		"# Validation rules",
		"What `agentv eval validate` reports. `agentv eval validate --explain <rule>` prints one of these entries; `.agentv/config.yaml` (`validate: { rules: { id: off } }`) and `--rule id=off|warn|error` set a rule's severity. This page is generated from the rules themselves.",
		["| rule | severity | auto-fix | reports |", "| --- | --- | --- | --- |", ...table].join("\n"),
		...sections,
	].join("\n\n")}\n`;
}

function section({ id, why, bad, good, mend }: RuleDoc): string {
	const block = (text: string) => `\`\`\`yaml\n${text}\n\`\`\``;
	return [`### ${id}`, why, "Bad:", block(fenceSafe(bad)), "Good:", block(fenceSafe(good)), mend].join("\n\n");
}

/** An example may hold a fence of its own. */
function fenceSafe(text: string): string {
	return text.replaceAll("```", "~~~");
}
