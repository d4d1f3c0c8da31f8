import { type AboutReference, aboutReference } from "../about-reference.ts";
import { isWrittenAbsolute, oddReferences, shownPath } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	/** The smallest directory that holds everything, as seen from the eval. */
	readonly root: string;
}

export const pathOutsideEval = rule<Data>({
	id: "path.outside-eval",
	group: "paths",
	severity: "warning",
	summary: "a path outside the eval's directory but inside its repository",
	docs: {
		why: "A copy of the eval's directory alone would not include it. The finding shows the portable root: the smallest directory that contains everything the eval needs.",
		bad: `hooks:
  before_each: { command: ../scripts/setup.sh }`,
		good: `hooks:
  before_each: { command: ./scripts/setup.sh }`,
		mend: "Move the file below the eval, or copy the portable root as a whole; `agentv bundle` collects everything into one directory.",
	},
	message: ({ raw, kind, root }) =>
		`${kind} ${JSON.stringify(raw)} is outside the eval's directory; the smallest directory that contains everything is ${root}`,
	hint: () => "`agentv bundle` creates a directory with all of it",
	*check(context) {
		const root = shownPath(context.root, context);
		for (const reference of oddReferences(context)) {
			// An absolute or searched path is the worse finding, and its fix leads here.
			if (reference.state !== "outside-eval" || reference.found === "parent-search" || isWrittenAbsolute(reference))
				continue;
			yield { data: { ...aboutReference(reference), root }, at: reference.at };
		}
	},
});
