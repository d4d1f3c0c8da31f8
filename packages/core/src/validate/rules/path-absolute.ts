import { isInside } from "../../io/files/path-inside.ts";
import { type AboutReference, aboutReference } from "../about-reference.ts";
import { rewritePath } from "../fix/rewrite-path.ts";
import { isWrittenAbsolute, oddReferences } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	/** It was found from the repository's root, not from the file system's. */
	readonly fromRoot: boolean;
	/** Absolute path of what it leads to. */
	readonly resolved: string;
	/** It lies in the eval's repository, so that a relative path can lead there. */
	readonly inside: boolean;
}

export const pathAbsolute = rule<Data>({
	id: "path.absolute",
	group: "paths",
	severity: "error",
	fixedBy: "fix",
	summary: "an absolute path",
	docs: {
		why: "An absolute path is specific to one machine. A path from the repository's root breaks when the eval moves into another repository.",
		bad: `tests: /home/me/evals/cases.jsonl`,
		good: `tests: ./cases.jsonl`,
		mend: "Make it relative to the file that contains it; `--fix` does so for paths inside the eval's repository.",
	},
	message: ({ raw, kind, fromRoot }) =>
		fromRoot
			? `${kind} ${JSON.stringify(raw)} is resolved from the repository's root`
			: `${kind} ${JSON.stringify(raw)} is an absolute path`,
	hint: ({ inside }) => (inside ? undefined : "copy its target next to the eval, and use a relative path"),
	*check(context) {
		const { scope } = context.loaded;
		for (const reference of oddReferences(context)) {
			if (!isWrittenAbsolute(reference) || reference.state === "run-time" || reference.state === "opaque") continue;
			yield {
				data: {
					...aboutReference(reference),
					fromRoot: reference.found === "from-root",
					resolved: reference.resolved,
					inside: reference.state !== "missing" && isInside(scope.root, reference.resolved),
				},
				at: reference.at,
			};
		}
	},
	fix: ({ data, at }, context) => (data.inside ? rewritePath(at, data.raw, data.resolved, context) : []),
});
