import { basename, dirname, join } from "node:path";
import type { PlacedVariable } from "../../eval/source.ts";
import type { Place } from "../../lib/errors.ts";
import {
	type EvalContext,
	isBelow,
	remembered,
	textOf,
	usedDefinitions,
	usedVariables,
	type ValidationRun,
	writtenText,
} from "../eval-context.ts";
import { isProse } from "../prompt-texts.ts";
import { loadingRule, type Rule, rule } from "../rule.ts";

const envMalformed = rule<{ text: string; mark: string; prose: boolean }>({
	id: "env.malformed",
	severity: "error",
	summary: "text that looks like a variable reference but is not one (a warning in prose)",
	docs: {
		why: "It is not replaced. In a prompt that can be intended; as a path, name, URL or command it does not work.",
		bad: `target: \${{ env.TARGET }}`,
		good: `target: \${{ TARGET:-claude }}`,
		mend: "Write `${{ NAME }}` or `${{ NAME:-default }}`; `$${{` is a literal `${{`.",
	},
	message: ({ text, prose }) =>
		`${JSON.stringify(text)} looks like a variable reference but is not one${prose ? "; it is not replaced" : ""}`,
	hint: () => "write ${{ NAME }} or ${{ NAME:-default }}; $${{ is a literal ${{",
	*check(context) {
		for (const source of context.loaded.sources.values())
			for (const { text, at } of source.malformed) yield malformed(text, at, false);
		for (const { file, part } of usedDefinitions(context))
			for (const { text, at } of context.targets.sources.get(file)?.malformed ?? [])
				if (isBelow(at.path, part.at.path)) yield malformed(text, at, true);
	},
});

function malformed(text: string, at: Place, inTarget: boolean) {
	const prose = isProse(at.path ?? [], inTarget);
	return { data: { text, mark: text, prose }, at, ...(prose ? { severity: "warning" as const } : {}) };
}

const envUndocumented = rule<{ name: string; mark?: string }>({
	id: "env.undocumented",
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
		const { directory } = context.loaded.scope;
		const first = new Map<string, PlacedVariable>();
		for (const variable of usedVariables(context))
			if (variable.defaultText === undefined && !first.has(variable.name)) first.set(variable.name, variable);
		for (const { name, at } of first.values()) {
			const own = dirname(at.file);
			const directories = [directory, own, ...(basename(own) === ".agentv" ? [dirname(own)] : [])];
			if (!directories.some((place) => documentedNames(place, context.run).has(name)))
				yield { data: { name, ...variableMark(name, at, context) }, at };
		}
	},
});

const documents = /^(\.env\.(example|sample|template)|readme(\.(md|markdown|txt|rst))?)$/i;

function documentedNames(directory: string, run: ValidationRun): ReadonlySet<string> {
	return remembered(run.memo, `documented\0${directory}`, () => {
		const files = run.view.list(directory).filter((name) => documents.test(name));
		return new Set(files.flatMap((name) => textOf(join(directory, name), run)?.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? []));
	});
}

function variableMark(name: string, at: Place, context: EvalContext): { readonly mark?: string } {
	const match = new RegExp(`\\$\\{\\{\\s*${name}\\b[^}]{0,500}\\}\\}`).exec(writtenText(at, context) ?? "");
	return match ? { mark: match[0] } : {};
}

const varsUnknown = loadingRule({
	id: "vars.unknown",
	severity: "error",
	summary: "a `{{ name }}` that is not in the test's `vars` (a warning if the test has none)",
	docs: {
		why: "The target or grader would get the braces instead of the value.",
		bad: `tests:
  - id: greet
    vars: { person: Ada }
    input: Say hello to {{ persn }}
    criteria: greets {{ person }}`,
		good: `tests:
  - id: greet
    vars: { person: Ada }
    input: Say hello to {{ person }}, not to {{{{ person }}}}
    criteria: greets {{ person }}`,
		mend: "Fix the name, or add it to `vars`. `{{{{ name }}}}` is a literal `{{ name }}`.",
	},
});

export const variableRules: readonly Rule[] = [envUndocumented, envMalformed, varsUnknown];
