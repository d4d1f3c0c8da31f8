import { dirname, join } from "node:path";
import { type EvalScope, withParents } from "../eval/discover-evals.ts";
import { unreadable } from "../eval/load-findings.ts";
import { outOfReach, readShape } from "../eval/read-shape.ts";
import { hasFile, readSource, type Source } from "../eval/source.ts";
import { configFileSchema, type RuleLevel, ruleLevels } from "../format/target-file.ts";
import { AgentvError, type Diagnostic, finding, type Severity } from "../lib/errors.ts";
import { nearestName } from "../lib/text.ts";
import { remembered, type ValidationRun } from "./eval-context.ts";
import { type FixWhen, type Rule, type RuleDocs, type RuleGroup, ruleGroups } from "./rule.ts";
import {
	assertionsFieldPath,
	assertionsJsonSchema,
	assertionsPromptVariable,
	assertionsRegex,
	assertionsUnknownType,
	assertionsWeight,
} from "./rules/assertions.ts";
import { envMalformed, envUndocumented, varsUnknown } from "./rules/environment.ts";
import { extensionsMissingExport, extensionsProvisionsRepo } from "./rules/extensions.ts";
import { gitDirty, gitNoRepo, reposLocalPath, reposUnpinned } from "./rules/git.ts";
import {
	pathAbsolute,
	pathBackslash,
	pathCase,
	pathMissingRule,
	pathNotExecutable,
	pathOpaque,
	pathOutsideEval,
	pathOutsideRepo,
	pathParentSearch,
	pathSymlinkEscape,
	pathUntracked,
} from "./rules/paths.ts";
import { promptClaimsChange, promptCommitWithoutRepo, promptNeedsRemote } from "./rules/prompts.ts";
import {
	schemaConflict,
	schemaDeprecated,
	schemaShape,
	schemaUnknownField,
	schemaUnsupported,
	yamlLimits,
	yamlSyntax,
} from "./rules/schema.ts";
import {
	targetsCircular,
	targetsEmptyCredential,
	targetsEnvChosen,
	targetsLiteralSecret,
	targetsNotLocal,
	targetsUndefined,
} from "./rules/targets.ts";
import { testsDependsOn, testsDuplicateId, testsEmpty, testsIncomplete } from "./rules/tests.ts";

export type RuleLevels = ReadonlyMap<string, RuleLevel>;

/** Parses `--rule id=level` options. @throws AgentvError `usage` for an unknown rule or level */
export function parseRuleLevels(options: readonly string[]): RuleLevels {
	return new Map(
		options.map((option) => {
			const [id = "", level = "", ...rest] = option.split("=");
			const known = ruleLevels.find((one) => one === level);
			if (!known || rest.length > 0)
				throw new AgentvError("usage", `--rule ${option}: expected id=${ruleLevels.join("|")}`);
			if (!findRule(id)) throw unknownRule(id);
			return [id, known] as const;
		}),
	);
}

function unknownRule(id: string): AgentvError {
	const ids = rules.map((rule) => rule.id);
	const nearest = nearestName(id, ids);
	return new AgentvError("usage", `no rule ${JSON.stringify(id)}`, {
		hint: nearest ? `did you mean ${nearest}?` : `rules: ${ids.join(", ")}`,
	});
}

export interface Configured {
	readonly levels: RuleLevels;
	readonly diagnostics: readonly Diagnostic[];
	/** The configuration file, for locations in it. */
	readonly source?: Source;
}

const unconfigured: Configured = { levels: new Map(), diagnostics: [] };

/** Reads the levels from the nearest `.agentv/config.yaml`. */
export function configuredLevels(scope: EvalScope, run: ValidationRun): Configured {
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const name of ["config.yaml", "config.yml"]) {
			const file = join(directory, ".agentv", name);
			if (hasFile(run.view, file)) return remembered(run, `config\0${file}`, () => readConfig(file, scope, run));
		}
	}
	return unconfigured;
}

function readConfig(file: string, scope: EvalScope, { view, env }: ValidationRun): Configured {
	const refused = outOfReach(file, { raw: file, kind: "settings file", at: { file } }, scope);
	if (refused) return { ...unconfigured, diagnostics: [refused] };
	const diagnostics: Diagnostic[] = [];
	let source: Source;
	try {
		source = readSource(file, view, env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { ...unconfigured, diagnostics: [finding(unreadable, { file, reason: error.message }, { file })] };
	}
	diagnostics.push(...source.diagnostics);
	const part = source.parts[0];
	// Other parts of the file are not checked here: unknown fields pass.
	const log = {
		report: (found: Diagnostic) => {
			if (found.rule !== "schema.unknown-field") diagnostics.push(found);
		},
	};
	const config =
		part && part.value !== undefined && part.value !== null ? readShape(configFileSchema, part, log) : undefined;
	const levels = new Map<string, RuleLevel>();
	for (const [id, level] of Object.entries(config?.validate?.rules ?? {})) {
		if (findRule(id)) levels.set(id, level);
		else diagnostics.push(unknownInConfig(id, file));
	}
	return { levels, diagnostics, source };
}

function unknownInConfig(id: string, file: string): Diagnostic {
	const nearest = nearestName(
		id,
		rules.map((rule) => rule.id),
	);
	return {
		rule: "schema.unknown-field",
		severity: "warning",
		message: `no rule ${JSON.stringify(id)}`,
		...(nearest ? { hint: `did you mean ${nearest}?` } : {}),
		at: { file, path: ["validate", "rules", id], part: "key" },
		data: { id, directory: dirname(file) },
	};
}

/** In the order of the docs. A new rule needs its file, two test trees, and a line here. */
export const rules: readonly Rule[] = [
	...[yamlSyntax, yamlLimits, schemaShape, schemaUnknownField, schemaDeprecated, schemaConflict, schemaUnsupported],
	...[pathAbsolute, pathMissingRule, pathParentSearch, pathOutsideEval, pathOutsideRepo, pathCase, pathBackslash],
	...[pathNotExecutable, pathUntracked, pathOpaque, pathSymlinkEscape],
	...[
		targetsUndefined,
		targetsNotLocal,
		targetsCircular,
		targetsEnvChosen,
		targetsLiteralSecret,
		targetsEmptyCredential,
	],
	...[envUndocumented, envMalformed, varsUnknown],
	...[gitNoRepo, gitDirty, reposUnpinned, reposLocalPath],
	...[testsDuplicateId, testsIncomplete, testsDependsOn, testsEmpty],
	...[assertionsUnknownType, assertionsRegex, assertionsWeight, assertionsPromptVariable],
	...[assertionsJsonSchema, assertionsFieldPath],
	...[extensionsMissingExport, extensionsProvisionsRepo],
	...[promptNeedsRemote, promptClaimsChange, promptCommitWithoutRepo],
];

function findRule(id: string): Rule | undefined {
	return rules.find((rule) => rule.id === id);
}

const fixedBy = { fix: "`--fix`", migrate: "`--migrate`", pin: "`--pin`" } as const;

/** Returns docs/validation-rules.md, which a test keeps in sync. */
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

/** Chooses a longer fence, since an example can contain one. */
function fenceSafe(text: string): string {
	return text.replaceAll("```", "~~~");
}

/** A rule's documentation, for `--explain`, the docs table and Studio. */
export interface RuleDoc extends RuleDocs {
	readonly id: string;
	readonly group: RuleGroup;
	readonly severity: Severity;
	readonly summary: string;
	/** The option that fixes its findings. */
	readonly fixedBy?: FixWhen | undefined;
}

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

/** @throws AgentvError `usage` for an unknown rule, with the nearest id */
export function ruleDoc(id: string): RuleDoc {
	const doc = findRule(id) && ruleDocs().find((one) => one.id === id);
	if (!doc) throw unknownRule(id);
	return doc;
}
