import { type AboutReference, aboutReference } from "../about-reference.ts";
import { rewritePath } from "../fix/rewrite-path.ts";
import { isWrittenAbsolute, oddReferences } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	/** Absolute path of what it leads to, read with `/`; undefined where that leads to nothing. */
	readonly resolved?: string;
}

export const pathBackslash = rule<Data>({
	id: "path.backslash",
	group: "paths",
	severity: "error",
	fixedBy: "fix",
	summary: "a path with backslashes",
	docs: {
		why: "Only Windows separates directories with a backslash; everywhere else it is part of a file's name.",
		bad: `tests: data\\cases.jsonl`,
		good: `tests: data/cases.jsonl`,
		mend: "Use `/`, which works everywhere; `--fix` replaces it.",
	},
	message: ({ raw, kind }) => `${kind} ${JSON.stringify(raw)} separates directories with backslashes`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (!reference.raw.includes("\\") || reference.state === "opaque" || reference.state === "run-time") continue;
			if (isWrittenAbsolute(reference)) continue; // the worse finding, and mended together with it
			if (reference.resolved.includes("\\") && reference.state !== "missing") continue; // such a name exists
			const found = reference.state === "missing" ? {} : { resolved: reference.resolved };
			yield { data: { ...aboutReference(reference), ...found }, at: reference.at };
		}
	},
	fix: ({ data, at }, context) =>
		data.resolved === undefined ? [] : rewritePath(at, data.raw, data.resolved, context),
});
