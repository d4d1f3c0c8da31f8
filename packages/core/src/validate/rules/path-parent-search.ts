import { type AboutReference, aboutReference } from "../about-reference.ts";
import { rewritePath } from "../fix/rewrite-path.ts";
import { oddReferences, shownPath } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	/** Where it was found, as seen from the eval. */
	readonly shown: string;
	readonly resolved: string;
}

export const pathParentSearch = rule<Data>({
	id: "path.parent-search",
	group: "paths",
	severity: "error",
	fixedBy: "fix",
	summary: "a path that is found only by searching the parent directories",
	docs: {
		why: "The path only works because of the parent directories: after moving the eval, or adding a file of that name in between, it resolves to something else or nothing.",
		bad: `prompt: prompts/judge.md        # two directories up`,
		good: `prompt: ../../prompts/judge.md`,
		mend: "Make the path relative to the file that contains it; `--fix` does so.",
	},
	message: ({ raw, kind, shown }) => `${kind} ${JSON.stringify(raw)} is found only by searching upwards, as ${shown}`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (reference.found !== "parent-search") continue;
			const { resolved, at } = reference;
			yield { data: { ...aboutReference(reference), shown: shownPath(resolved, context), resolved }, at };
		}
	},
	fix: ({ data, at }, context) => rewritePath(at, data.raw, data.resolved, context),
});
