import { referenceNoun } from "../eval/read-shape.ts";
import type { Reference } from "../eval/visit.ts";
import { type Diagnostic, finding, type Place, type Severity } from "../lib/errors.ts";
import type { EvalContext } from "./eval-context.ts";
import type { Change } from "./fix/edits.ts";

/** Whether a fix applies with `--fix`, or only with its own option. */
export type FixWhen = "fix" | "migrate" | "pin";

export interface RuleDocs {
	/** The consequences of ignoring the rule. */
	readonly why: string;
	/** YAML (or a file tree) that the rule reports. */
	readonly bad: string;
	readonly good: string;
	/** One or two sentences. */
	readonly mend: string;
}

/** Create it with `rule` or `loadingRule`. */
export interface Rule {
	/** Stable, such as `path.missing`. */
	readonly id: string;
	readonly severity: Severity;
	/** One line without a full stop. */
	readonly summary: string;
	readonly docs: RuleDocs;
	readonly fixedBy?: FixWhen | undefined;
	readonly applies?: (context: EvalContext) => boolean;
	readonly check: (context: EvalContext) => Iterable<Diagnostic>;
	/** Returns the changes; none if this finding can't be fixed. Read-only. */
	readonly fix?: (diagnostic: Diagnostic, context: EvalContext) => readonly Change[];
}

interface Found<Data extends object> {
	readonly data: Data;
	readonly at: Place;
	readonly severity?: Severity;
}

interface RuleSpec<Data extends object> extends Omit<Rule, "check" | "fix"> {
	readonly check: (context: EvalContext) => Iterable<Found<Data>>;
	/** One sentence without a full stop: a pure function of the data. */
	readonly message: (data: Data) => string;
	readonly hint?: (data: Data) => string | undefined;
	readonly more?: Rule["check"];
	readonly fix?: (finding: Found<Data>, context: EvalContext) => readonly Change[];
}

export function rule<Data extends object>(spec: RuleSpec<Data>): Rule {
	const { check, message, hint, more, fix, ...base } = spec;
	const kind = { rule: spec.id, severity: spec.severity, message, ...(hint ? { hint } : {}) };
	return {
		...base,
		*check(context) {
			for (const { data, at, severity } of check(context)) {
				const diagnostic = finding(kind, data, at);
				yield severity === undefined ? diagnostic : { ...diagnostic, severity };
			}
			if (more) yield* more(context);
		},
		...(fix ? { fix: ({ data, at }, context) => fix({ data: data as Data, at }, context) } : {}),
	};
}

/** Documents a rule whose findings the loader creates, and makes it configurable. */
export function loadingRule(spec: Omit<Rule, "check">): Rule {
	return { ...spec, check: ({ findings }) => findings.filter((diagnostic) => diagnostic.rule === spec.id) };
}

export interface AboutReference {
	/** As written, after `${{ }}`. */
	readonly raw: string;
	/** Noun: "test data", "hook script". */
	readonly kind: string;
	readonly mark?: string;
}

export function aboutReference(reference: Reference): AboutReference {
	const { raw, word, command } = reference;
	const mark = word && typeof command?.text === "string" ? { mark: raw } : {};
	return { raw, kind: referenceNoun(reference), ...mark };
}
