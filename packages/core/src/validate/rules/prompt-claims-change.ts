import { claimedChanges } from "../claimed-changes.ts";
import { type EvalContext, repositoryOf } from "../eval-context.ts";
import { holdsDiff, promptTexts } from "../prompt-texts.ts";
import { rule } from "../rule.ts";
import { type Sandbox, sandboxOf } from "../sandbox.ts";
import { existsBelow } from "../template-files.ts";

interface Data {
	readonly file: string;
	/** The words that claim it. */
	readonly mark: string;
}

export const promptClaimsChange = rule<Data>({
	id: "prompt.claims-change",
	group: "authoring",
	severity: "warning",
	summary: "a prompt that claims a file change that does not exist in the sandbox",
	docs: {
		why: "The target can't find the change: a careful one reports that and fails, a careless one invents it and passes.",
		bad: `input: This PR changes src/add.ts. Is it right?   # the template contains src/add.ts, unchanged`,
		good: `input: This PR changes src/add.ts. Is it right?
metadata:
  diff_file: ./add.patch   # which a before_each hook applies`,
		mend: "Include the change: as a diff in the prompt, as a patch in the metadata that a hook applies, or in the template's git state.",
	},
	message: ({ file: name }) =>
		`the prompt claims that ${name} is changed, but the sandbox does not contain such a change`,
	hint: () => "include the change as a diff in the prompt, or as a patch that a hook applies",
	*check(context) {
		for (const { test, prompts } of promptTexts(context)) {
			const claimed = prompts.flatMap(({ text, at }) => claimedChanges(text).map((claim) => ({ ...claim, at })));
			if (claimed.length === 0) continue;
			const workspace = test.workspace ?? test.suite.workspace;
			if ((workspace?.repos.length ?? 0) > 0) continue; // its commit may well hold the change
			const sandbox = sandboxOf(test, context);
			for (const { file: name, words, at } of claimed)
				if (!prompts.some(({ text }) => holdsDiff(text, name)) && !holdsChange(name, sandbox, context))
					yield { data: { file: name, mark: words }, at };
		}
	},
});

/** Whether a patch, a script that prepares the sandbox, or the template's own git state changes the file. */
function holdsChange(name: string, { patches, scripts, template }: Sandbox, context: EvalContext): boolean {
	const base = name.replace(/^.*\//, "");
	if (patches.some((patch) => holdsDiff(patch, name)) || scripts.some((script) => script.includes(base))) return true;
	if (template === undefined) return false;
	if (existsBelow(template, ".git")) return true; // a repository of its own: its history is not for us to judge
	return (repositoryOf(context)?.changed(template) ?? []).some(
		(path) => path.endsWith(`/${name}`) || path.endsWith(`/${base}`),
	);
}
