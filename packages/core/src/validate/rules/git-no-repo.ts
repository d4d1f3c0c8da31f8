import { rule } from "../rule.ts";

export const gitNoRepo = rule<Record<string, never>>({
	id: "git.no-repo",
	group: "provenance",
	severity: "warning",
	summary: "an eval outside any git repository",
	docs: {
		why: "It is impossible to tell later which version of the eval produced a result.",
		bad: `~/evals/greeting/eval.yaml   # no .git up to the root`,
		good: `~/evals/.git
~/evals/greeting/eval.yaml`,
		mend: "Keep the eval in a git repository: `git init`, `git add`, `git commit`. A bundle needs none, since its manifest records its origin.",
	},
	message: () => "the eval is not in a git repository, so its version is unknown",
	*check({ loaded }) {
		const { rootKind } = loaded.scope;
		if (rootKind !== "repository" && rootKind !== "bundle") yield { data: {}, at: { file: loaded.file, path: [] } };
	},
});
