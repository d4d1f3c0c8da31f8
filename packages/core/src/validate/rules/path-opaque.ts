import { referenceNoun } from "../../model/reference.ts";
import { pathReferences, variablesOf } from "../path-references.ts";
import { rule } from "../rule.ts";

interface Data {
	readonly kind: string;
	readonly raw: string;
	/** The variables that the path is written with; empty for a shell string. */
	readonly variables: readonly string[];
	readonly unset: boolean;
}

export const pathOpaque = rule<Data>({
	id: "path.opaque",
	group: "paths",
	severity: "warning",
	summary: "paths that can't be resolved statically: inside a shell string, or built from a variable",
	docs: {
		why: "Only the shell knows which files a shell string uses, and a variable's value can change: a copy of the eval might not include them.",
		bad: `command: cat ./answer.txt | ./scripts/check.sh`,
		good: `command: [./scripts/check-answer.sh, ./answer.txt]`,
		mend: "Write the command as a list of words, move pipes into a script, and write paths without variables. For a bundle, list additional files under `bundle.include`.",
	},
	message: ({ kind, raw, variables, unset }) => {
		if (variables.length === 0)
			return `the files of this ${kind.replace(/ script$/, "")} command can't be determined: it runs in a shell`;
		const names = variables.join(", ");
		return unset
			? `${kind} ${JSON.stringify(raw)} can't be resolved: ${names} is not set`
			: `${kind} ${JSON.stringify(raw)} depends on ${names}`;
	},
	hint: ({ variables }) => (variables.length === 0 ? "write it as a list, or move it into a script" : undefined),
	*check(context) {
		for (const reference of pathReferences(context)) {
			const { raw, at, state } = reference;
			const kind = referenceNoun(reference);
			if (state === "opaque") {
				yield { data: { kind, raw, variables: [], unset: false }, at };
				continue;
			}
			const variables = variablesOf(reference, context);
			if (variables.length === 0) continue;
			const names = [...new Set(variables.map(({ name }) => name))];
			yield { data: { kind, raw, variables: names, unset: variables.some((one) => one.state === "unset") }, at };
		}
	},
});
