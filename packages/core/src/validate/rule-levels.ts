import { dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, finding } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import { hasFile } from "../model/disk-view.ts";
import { type EvalScope, withParents } from "../model/eval-scope.ts";
import { unreadable } from "../model/load-findings.ts";
import { outOfReach } from "../model/reach.ts";
import { readShape } from "../model/read-shape.ts";
import { readSource, type Source } from "../model/source.ts";
import { configFileSchema, type RuleLevel, ruleLevels } from "../schema/config-file.ts";
import { findRule, rules } from "./rules.ts";
import { remembered, type ValidationRun } from "./validation-run.ts";

export type RuleLevels = ReadonlyMap<string, RuleLevel>;

/** Reads `--rule id=level` options. Throws `AgentvError` `usage` for a rule or level that there is not. */
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

/** The error for a rule id that there is not. */
export function unknownRule(id: string): AgentvError {
	const ids = rules.map((rule) => rule.id);
	const nearest = nearestName(id, ids);
	return new AgentvError("usage", `no rule ${JSON.stringify(id)}`, {
		hint: nearest ? `did you mean ${nearest}?` : `rules: ${ids.join(", ")}`,
	});
}

export interface Configured {
	readonly levels: RuleLevels;
	readonly diagnostics: readonly Diagnostic[];
	/** The configuration file, for places in it. */
	readonly source?: Source;
}

const unconfigured: Configured = { levels: new Map(), diagnostics: [] };

/** The levels that the nearest `.agentv/config.yaml` sets. */
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
	// Other parts of the file are not for us to judge: its unknown fields pass.
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
