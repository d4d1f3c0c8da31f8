import { referenceNoun } from "../eval/read-shape.ts";
import type { Reference } from "../eval/references.ts";
import type { Source } from "../eval/source.ts";
import type { Diagnostic, Place, Severity } from "../lib/errors.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import { type EvalContext, writtenText } from "./eval-context.ts";
import type { Change } from "./fix/edits.ts";

/** Groups of rules, in the order of the docs. */
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

/** When a fix applies: with `--fix`, or only with the explicit option. */
export type FixWhen = "fix" | "migrate" | "pin";

export interface RuleDocs {
	/** The consequences of ignoring it. */
	readonly why: string;
	/** YAML (or a file tree) that the rule reports. */
	readonly bad: string;
	/** The same after the fix. */
	readonly good: string;
	/** What to do, in one or two sentences. */
	readonly mend: string;
}

interface RuleBase {
	/** Stable, such as `path.missing`. */
	readonly id: string;
	readonly group: RuleGroup;
	readonly severity: Severity;
	/** One line without a full stop. */
	readonly summary: string;
	readonly docs: RuleDocs;
	/** Present if the rule has a `fix`. */
	readonly fixedBy?: FixWhen;
}

/** Create it with `rule` or `loadingRule`. */
export interface Rule extends RuleBase {
	readonly check: (context: EvalContext) => Iterable<Diagnostic>;
	/** Returns the changes that fix a finding; none if this one can't be fixed. Read-only. */
	readonly fix?: (found: Diagnostic, context: EvalContext) => readonly Change[];
}

/** A finding before its message. `severity` overrides the rule's own. */
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

/** Documents a rule whose findings the loader creates, and makes it configurable. */
export function loadingRule(spec: Omit<Rule, "check">): Rule {
	return {
		...spec,
		check: ({ findings }) => (findings.length === 0 ? findings : findings.filter((found) => found.rule === spec.id)),
	};
}

/** Data of every finding about a reference. */
export interface AboutReference {
	/** As written, after `${{ }}`. */
	readonly raw: string;
	/** Noun: "test data", "hook script". */
	readonly kind: string;
	/** The relevant part of a command that is one text. */
	readonly mark?: string;
}

export function aboutReference(reference: Reference): AboutReference {
	const { raw, word, command } = reference;
	const mark = word && typeof command?.text === "string" ? { mark: raw } : {};
	return { raw, kind: referenceNoun(reference), ...mark };
}

/**
 * Narrows a range to the part that a finding is about (a word of a command, a variable in a text):
 * its first occurrence in the source. Falls back to the whole range.
 */
export function narrowed(range: SourceRange, mark: unknown, source: Source, at: Place): SourceRange {
	if (typeof mark !== "string" || mark === "") return range;
	const { offset } = range.start;
	const written = source.text.slice(offset, range.end.offset);
	const start = written.indexOf(mark);
	if (start < 0 || written.replace(/^["']|["']$/g, "") === mark) return range;
	return source.locate({ ...at, range: [offset + start, offset + start + mark.length] }) ?? range;
}

/** Returns `${{ NAME … }}` as written at a place, to mark it in a finding. */
export function variableMark(name: string, at: Place, context: EvalContext): { readonly mark?: string } {
	const found = new RegExp(`\\$\\{\\{\\s*${name}\\b[^}]{0,500}\\}\\}`).exec(writtenText(at, context) ?? "");
	return found ? { mark: found[0] } : {};
}
