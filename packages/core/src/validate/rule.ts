import { type Reference, referenceNoun } from "../eval/references.ts";
import type { Source } from "../eval/source.ts";
import type { Diagnostic, Place, Severity } from "../lib/errors.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import { type EvalContext, writtenText } from "./eval-context.ts";
import type { Change } from "./fix/edits.ts";

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

/** What every finding about a reference tells. */
export interface AboutReference {
	/** As written, after `${{ }}`. */
	readonly raw: string;
	/** What it is: "test data", "hook script". */
	readonly kind: string;
	/** Set for a word of a command that is one text: the part of it that is meant. */
	readonly mark?: string;
}

export function aboutReference(reference: Reference): AboutReference {
	const { raw, word, command } = reference;
	const mark = word && typeof command?.text === "string" ? { mark: raw } : {};
	return { raw, kind: referenceNoun(reference), ...mark };
}

/**
 * The stretch of a value that a finding means, where that is one part of a longer text (a word of a command, a variable in a
 * sentence): its first occurrence in the source. The whole range where it isn't found, or is all there is.
 */
export function narrowed(range: SourceRange, mark: unknown, source: Source, at: Place): SourceRange {
	if (typeof mark !== "string" || mark === "") return range;
	const { offset } = range.start;
	const written = source.text.slice(offset, range.end.offset);
	const start = written.indexOf(mark);
	if (start < 0 || written.replace(/^["']|["']$/g, "") === mark) return range;
	return source.locate({ ...at, range: [offset + start, offset + start + mark.length] }) ?? range;
}

/** `${{ NAME … }}` as it is written at a place: the mark of a finding about that variable. */
export function variableMark(name: string, at: Place, context: EvalContext): { readonly mark?: string } {
	const found = new RegExp(`\\$\\{\\{\\s*${name}\\b[^}]{0,500}\\}\\}`).exec(writtenText(at, context) ?? "");
	return found ? { mark: found[0] } : {};
}
