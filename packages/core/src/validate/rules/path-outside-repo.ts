import { rootNames } from "../../model/eval-scope.ts";
import { type AboutReference, aboutReference } from "../about-reference.ts";
import { oddReferences } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data extends AboutReference {
	readonly boundary: string;
}

export const pathOutsideRepo = rule<Data>({
	id: "path.outside-repo",
	group: "paths",
	severity: "error",
	summary: "a path outside the repository",
	docs: {
		why: "A clone of the repository does not contain it: the eval works on this machine only.",
		bad: `workspace: ../../../shared-template/`,
		good: `workspace: ./template/`,
		mend: "Copy its target into the repository, preferably below the eval, and fix the path.",
	},
	message: ({ raw, kind, boundary }) => `${kind} ${JSON.stringify(raw)} is outside ${boundary}`,
	hint: () => "copy it next to the eval",
	*check(context) {
		const boundary = rootNames[context.loaded.scope.rootKind];
		for (const reference of oddReferences(context)) {
			if (reference.state !== "outside-root") continue;
			yield { data: { ...aboutReference(reference), boundary }, at: reference.at };
		}
		// The eval itself and its targets files, which no path names.
		for (const { rule: id, data, at } of context.findings)
			if (id === "path.outside-repo" && at.path === undefined)
				yield { data: { raw: String(data.raw), kind: String(data.kind), boundary }, at };
	},
});
