import { basename, dirname } from "node:path";
import type { PlacedVariable } from "../../model/source.ts";
import { variableMark } from "../mark.ts";
import { rule } from "../rule.ts";
import { usedVariables } from "../used-variables.ts";

interface Data {
	readonly name: string;
	readonly mark?: string;
}

export const envUndocumented = rule<Data>({
	id: "env.undocumented",
	group: "variables",
	severity: "warning",
	summary: "an undocumented variable without default",
	docs: {
		why: "Other users learn only from a failing run that the variable must be set, and never to what.",
		bad: `api_key: \${{ OPENAI_API_KEY }}   # and no .env.example`,
		good: `# .env.example next to the eval
OPENAI_API_KEY=   # a key for the grader model`,
		mend: "List it in a `.env.example` or in the README next to the eval, or add a default: `${{ NAME:-default }}`.",
	},
	message: ({ name }) => `${name} referenced but not documented`,
	hint: ({ name }) => `list it in .env.example or the README next to the eval, or write \${{ ${name}:-default }}`,
	*check(context) {
		const { documentation } = context.run;
		const { directory } = context.loaded.scope;
		const first = new Map<string, PlacedVariable>();
		for (const variable of usedVariables(context))
			if (variable.defaultText === undefined && !first.has(variable.name)) first.set(variable.name, variable);
		for (const { name, at } of first.values()) {
			const own = dirname(at.file);
			const beside = [directory, own, ...(basename(own) === ".agentv" ? [dirname(own)] : [])];
			if (!beside.some((place) => documentation.names(name, place)))
				yield { data: { name, ...variableMark(name, at, context) }, at };
		}
	},
});
