import type { Diagnostic } from "../../base/diagnostic.ts";
import { emptyCredential, emptyCredentials, emptyEvalCredentials } from "../../model/empty-credentials.ts";
import type { Rule } from "../rule.ts";

export const targetsEmptyCredential: Rule = {
	id: emptyCredential.rule,
	group: "targets",
	severity: emptyCredential.severity,
	summary: "a credential or `base_url` that is empty (a warning for a variable)",
	docs: {
		why: "The server would reject the run, or the run would contact a different server than intended.",
		bad: `targets:
  - name: grader
    provider: openai
    model: gpt-5-mini
    api_key: ""`,
		good: `targets:
  - name: grader
    provider: openai
    model: gpt-5-mini
    api_key: \${{ OPENAI_API_KEY }}   # \${{ OPENAI_API_KEY:-}} if it may be missing`,
		mend: "Use a variable with the value. `${{ KEY:-}}` allows it to be empty.",
	},
	*check({ loaded, targets, uses }): Iterable<Diagnostic> {
		const sources = new Map([...targets.sources, ...loaded.sources]);
		const used = uses.flatMap(({ implied, resolution }) => (resolution.ok && !implied ? [resolution.target] : []));
		const found = [...new Set(used)].flatMap((target) => emptyCredentials(target, { sources }));
		// What a variable holds is the machine's: a run is refused, the eval may be right.
		for (const one of [...found, ...emptyEvalCredentials(loaded)])
			yield one.data.name === undefined ? one : { ...one, severity: "warning" };
	},
};
