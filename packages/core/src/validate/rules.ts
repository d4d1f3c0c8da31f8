import { dirname, join } from "node:path";
import { type EvalScope, withParents } from "../eval/discover-evals.ts";
import { unreadable } from "../eval/load-findings.ts";
import { outOfReach, readShape } from "../eval/read-shape.ts";
import { hasFile, readSource, type Source } from "../eval/source.ts";
import { configFileSchema, type RuleLevel, ruleLevels } from "../format/target-file.ts";
import { AgentvError, type Diagnostic, type FindingKind, finding } from "../lib/errors.ts";
import { nearestName } from "../lib/text.ts";
import { remembered, type ValidationRun } from "./eval-context.ts";
import type { Rule, RuleDocs } from "./rule.ts";
import { assertionRules } from "./rules/assertions.ts";
import { variableRules } from "./rules/environment.ts";
import { extensionRules } from "./rules/extensions.ts";
import { provenanceRules } from "./rules/git.ts";
import { pathRules } from "./rules/paths.ts";
import { promptRules } from "./rules/prompts.ts";
import { documentRules } from "./rules/schema.ts";
import { targetRules } from "./rules/targets.ts";
import { testRules } from "./rules/tests.ts";

const groups = {
	document: documentRules,
	paths: pathRules,
	targets: targetRules,
	variables: variableRules,
	provenance: provenanceRules,
	tests: testRules,
	assertions: assertionRules,
	extensions: extensionRules,
	authoring: promptRules,
};
type RuleGroup = keyof typeof groups;

export const rules: readonly Rule[] = Object.values(groups).flat();

const rulesById = new Map(rules.map((rule) => [rule.id, rule]));

export function findRule(id: string): Rule | undefined {
	return rulesById.get(id);
}

export type RuleLevels = ReadonlyMap<string, RuleLevel>;

/** Parses `--rule id=level`. @throws AgentvError `usage` for an unknown rule or level */
export function parseRuleLevels(options: readonly string[]): RuleLevels {
	return new Map(
		options.map((option) => {
			const [id = "", level = "", ...rest] = option.split("=");
			const known = ruleLevels.find((ruleLevel) => ruleLevel === level);
			if (!known || rest.length > 0)
				throw new AgentvError("usage", `--rule ${option}: expected id=${ruleLevels.join("|")}`);
			if (!findRule(id)) throw unknownRule(id);
			return [id, known] as const;
		}),
	);
}

function unknownRule(id: string): AgentvError {
	return new AgentvError("usage", `no rule ${JSON.stringify(id)}`, {
		hint: nearestRule(id) ?? `rules: ${[...rulesById.keys()].join(", ")}`,
	});
}

function nearestRule(id: string): string | undefined {
	const nearest = nearestName(id, rulesById.keys());
	return nearest && `did you mean ${nearest}?`;
}

interface Configured {
	readonly levels: RuleLevels;
	readonly diagnostics: readonly Diagnostic[];
	readonly source?: Source;
}

const unconfigured: Configured = { levels: new Map(), diagnostics: [] };

/** Reads the nearest `.agentv/config.yaml`. */
export function configuredLevels(scope: EvalScope, run: ValidationRun): Configured {
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const name of ["config.yaml", "config.yml"]) {
			const file = join(directory, ".agentv", name);
			if (hasFile(run.view, file)) return remembered(run.memo, `config\0${file}`, () => readConfig(file, scope, run));
		}
	}
	return unconfigured;
}

function readConfig(file: string, scope: EvalScope, { view, env }: ValidationRun): Configured {
	const refused = outOfReach(file, { raw: file, kind: "settings file", at: { file } }, scope);
	if (refused) return { ...unconfigured, diagnostics: [refused] };
	let source: Source;
	try {
		source = readSource(file, view, env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { ...unconfigured, diagnostics: [finding(unreadable, { file, reason: error.message }, { file })] };
	}
	const diagnostics = [...source.diagnostics];
	// Unknown fields are allowed, because other code checks the rest of the file.
	const report = (diagnostic: Diagnostic) => {
		if (diagnostic.rule !== unknownInConfig.rule) diagnostics.push(diagnostic);
	};
	const [part] = source.parts;
	const config =
		part?.value !== undefined && part.value !== null ? readShape(configFileSchema, part, { report }) : undefined;
	const levels = new Map<string, RuleLevel>();
	for (const [id, level] of Object.entries(config?.validate?.rules ?? {})) {
		const at = { file, path: ["validate", "rules", id], part: "key" } as const;
		if (findRule(id)) levels.set(id, level);
		else diagnostics.push(finding(unknownInConfig, { id, directory: dirname(file) }, at));
	}
	return { levels, diagnostics, source };
}

const unknownInConfig: FindingKind<{ id: string; directory: string }> = {
	rule: "schema.unknown-field",
	severity: "warning",
	message: ({ id }) => `no rule ${JSON.stringify(id)}`,
	hint: ({ id }) => nearestRule(id),
};

const fixedBy = { fix: "`--fix`", migrate: "`--migrate`", pin: "`--pin`" } as const;

/** Returns docs/validation-rules.md, which a test keeps in sync. */
export function rulesPage(): string {
	const docs = ruleDocs();
	const table = docs.map(
		({ id, severity, summary, fixedBy: by }) =>
			`| [\`${id}\`](#${id.replace(".", "")}) | ${severity} | ${by ? fixedBy[by] : ""} | ${summary} |`,
	);
	const sections = Object.keys(groups).flatMap((group) => [
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
	// An example can contain a fence.
	const block = (text: string) => `\`\`\`yaml\n${text.replaceAll("```", "~~~")}\n\`\`\``;
	return [`### ${id}`, why, "Bad:", block(bad), "Good:", block(good), mend].join("\n\n");
}

/** A rule's documentation, for `--explain`, the docs table and Studio. */
export interface RuleDoc extends RuleDocs, Pick<Rule, "id" | "severity" | "summary" | "fixedBy"> {
	readonly group: RuleGroup;
}

export function ruleDocs(): readonly RuleDoc[] {
	return (Object.keys(groups) as RuleGroup[]).flatMap((group) =>
		groups[group].map(({ id, severity, summary, docs, fixedBy }) => ({
			...{ id, group, severity, summary, ...docs },
			...(fixedBy ? { fixedBy } : {}),
		})),
	);
}

/**
 * Returns a rule's documentation.
 * @throws AgentvError `usage` for an unknown rule, with the nearest id
 */
export function ruleDoc(id: string): RuleDoc {
	const doc = ruleDocs().find((rule) => rule.id === id);
	if (!doc) throw unknownRule(id);
	return doc;
}
