import type { Place } from "../../base/diagnostic.ts";
import type { EvalContext } from "../eval-context.ts";
import { literalSecrets } from "../literal-secrets.ts";
import { writtenValue } from "../path-references.ts";
import { rule } from "../rule.ts";
import { usedDefinitions } from "../used-variables.ts";
import { placedRepos, workspacesOf } from "../workspaces.ts";

interface Data {
	/** The setting that holds it. The secret itself is nowhere in a finding. */
	readonly field: string;
}

export const targetsLiteralSecret = rule<Data>({
	id: "targets.literal-secret",
	group: "targets",
	severity: "error",
	summary: "a literal credential",
	docs: {
		why: "Everyone who gets the eval gets the key; git keeps it forever, and a bundle distributes it.",
		bad: `targets:
  - name: judge
    provider: openai
    api_key: sk-proj-0123456789abcdef`,
		good: `targets:
  - name: judge
    provider: openai
    api_key: \${{ OPENAI_API_KEY }}`,
		mend: "Use a variable instead, keep its value in the environment or an ignored `.env` file, and revoke the key if it was ever committed.",
	},
	message: ({ field }) => `${field} contains a literal credential`,
	hint: ({ field }) => `use \${{ ${field.toUpperCase().replace(/[^A-Z0-9]+/g, "_")} }} and set it in the environment`,
	*check(context) {
		for (const at of suspects(context))
			for (const { field, path } of literalSecrets(writtenValue(at, context)))
				yield { data: { field }, at: { ...at, path: [...(at.path ?? []), ...path] } };
	},
});

/** Target definitions in use, those beside the eval, targets of the eval itself, workspaces' variables and repositories. */
function suspects(context: EvalContext): Place[] {
	const { targets, loaded, uses } = context;
	const local = targets.names.flatMap((name) => {
		const definition = targets.find(name);
		return definition?.level === loaded.scope.directory ? [definition] : [];
	});
	const definitions = new Set([...usedDefinitions(context), ...local]);
	const inline = uses.flatMap(({ choice }) => ("inline" in choice ? [choice.at] : []));
	const environments = workspacesOf(loaded).map(({ at }) => ({ ...at, path: [...(at.path ?? []), "env"] }));
	const repositories = placedRepos(loaded).map(({ at }) => at);
	return [...[...definitions].map(({ part }) => part.at), ...inline, ...environments, ...repositories];
}
