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
	summary: "files that can't be known: a shell string, or a path that hangs on a variable",
	docs: {
		why: "Which files a shell string touches only the shell knows, and a variable may lead elsewhere tomorrow: nobody can promise that they come along.",
		bad: `command: cat ./answer.txt | ./scripts/check.sh`,
		good: `command: [./scripts/check-answer.sh, ./answer.txt]`,
		mend: "Give the command as a list of words, and put pipes into a script; write the path out. For a bundle name further files under `bundle.include`.",
	},
	message: ({ kind, raw, variables, unset }) => {
		if (variables.length === 0)
			return `the files of this ${kind.replace(/ script$/, "")} command can't be known: it goes to the shell`;
		const names = variables.join(", ");
		return unset
			? `where ${kind} ${JSON.stringify(raw)} leads can't be known: ${names} is not set`
			: `where ${kind} ${JSON.stringify(raw)} leads depends on ${names}`;
	},
	hint: ({ variables }) => (variables.length === 0 ? "write it as a list, or put it into a script" : undefined),
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
