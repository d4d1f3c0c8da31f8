import { type AboutReference, aboutReference } from "../about-reference.ts";
import { rewritePath } from "../fix/rewrite-path.ts";
import { oddReferences, relativePath } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	/** How it is spelled on disk, relative to the same directory. */
	readonly onDisk: string;
	readonly resolved: string;
}

export const pathCase = rule<Data>({
	id: "path.case",
	group: "paths",
	severity: "error",
	fixedBy: "fix",
	summary: "a path that differs from the file on disk in letter case only",
	docs: {
		why: "macOS and Windows find such a file, Linux does not: the eval works for its author and fails in CI.",
		bad: `workspace: ./Template/   # on disk: ./template/`,
		good: `workspace: ./template/`,
		mend: "Spell it as on disk; `--fix` corrects it.",
	},
	message: ({ raw, kind, onDisk }) => `${kind} ${JSON.stringify(raw)} is ${JSON.stringify(onDisk)} on disk`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (reference.found !== "other-case") continue;
			const { base, resolved, at } = reference;
			yield { data: { ...aboutReference(reference), onDisk: relativePath(base, resolved), resolved }, at };
		}
	},
	fix: ({ data, at }, context) => rewritePath(at, data.raw, data.resolved, context),
});
