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
	summary: "a path that leaves the eval's directory but stays in its repository",
	docs: {
		why: "Who copies the eval's directory alone leaves this behind. The finding names the portable root: the smallest directory that holds everything the eval needs.",
		bad: `hooks:
  before_each: { command: ../scripts/setup.sh }`,
		good: `hooks:
  before_each: { command: ./scripts/setup.sh }`,
		mend: "Move the file below the eval, or copy the portable root as a whole; `agentv bundle` collects everything into one directory.",
	},
	message: ({ raw, kind, root }) =>
		`${kind} ${JSON.stringify(raw)} lies outside the eval's directory; the smallest directory that holds everything is ${root}`,
	hint: () => "`agentv bundle` makes a directory that holds all of it",
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
