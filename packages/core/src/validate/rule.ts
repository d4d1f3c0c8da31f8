import type { Diagnostic, Place, Severity } from "../base/diagnostic.ts";
import type { EvalContext } from "./eval-context.ts";
import type { Change } from "./fix/change.ts";

/** Rules that belong together, in the order that the docs show them. */
export const ruleGroups = [
	"document",
	"paths",
	"targets",
	"variables",
	"provenance",
	"tests",
	"assertions",
	"extensions",
	"authoring",
] as const;
export type RuleGroup = (typeof ruleGroups)[number];

/** When a fix is made: with `--fix`, or only with the option that asks for it. */
export type FixWhen = "fix" | "migrate" | "pin";

export interface RuleDocs {
	/** What goes wrong for somebody when this is left as it is. */
	readonly why: string;
	/** YAML (or a file tree) that the rule reports. */
	readonly bad: string;
	/** The same, mended. */
	readonly good: string;
	/** What to do, one or two sentences. */
	readonly mend: string;
}

interface RuleBase {
	/** Stable, as `path.missing`. */
	readonly id: string;
	readonly group: RuleGroup;
	readonly severity: Severity;
	/** What the rule reports, one line without a full stop. */
	readonly summary: string;
	readonly docs: RuleDocs;
	/** Present where the rule has a `fix`. */
	readonly fixedBy?: FixWhen;
}

/** A rule as validation uses it. Made by `rule` or `loadingRule`. */
export interface Rule extends RuleBase {
	readonly check: (context: EvalContext) => Iterable<Diagnostic>;
	/** The changes that mend a finding of this rule; none where this one can't be mended. Reads, never writes. */
	readonly fix?: (found: Diagnostic, context: EvalContext) => readonly Change[];
}

/** What a rule found, before it is worded. `severity` departs from the rule's own where one rule knows two. */
export interface Found<Data extends object> {
	readonly data: Data;
	readonly at: Place;
	readonly severity?: Severity;
}

export interface RuleSpec<Data extends object> extends RuleBase {
	readonly check: (context: EvalContext) => Iterable<Found<Data>>;
	/** One sentence without a full stop: a pure function of the data. */
	readonly message: (data: Data) => string;
	readonly hint?: (data: Data) => string | undefined;
	readonly fix?: (found: Found<Data>, context: EvalContext) => readonly Change[];
}

/** States a rule. */
export function rule<Data extends object>(spec: RuleSpec<Data>): Rule {
	const { check, message, hint, fix, ...base } = spec;
	return {
		...base,
		check(context) {
			const diagnostics: Diagnostic[] = [];
			for (const { data, at, severity = spec.severity } of check(context)) {
				const advice = hint?.(data);
				diagnostics.push({
					rule: spec.id,
					severity,
					message: message(data),
					...(advice === undefined ? {} : { hint: advice }),
					at,
					data: data as Readonly<Record<string, unknown>>,
				});
			}
			return diagnostics;
		},
		...(fix ? { fix: ({ data, at }, context) => fix({ data: data as Data, at }, context) } : {}),
	};
}

/** A rule whose findings loading has already made (and worded): it gives them their docs and lets them be configured. */
export function loadingRule(spec: Omit<Rule, "check">): Rule {
	return {
		...spec,
		check: ({ findings }) => (findings.length === 0 ? findings : findings.filter((found) => found.rule === spec.id)),
	};
}
