import { variablesAt } from "../path-references.ts";
import { rule } from "../rule.ts";
import { placedRepos } from "../workspaces.ts";

interface Data {
	/** As messages show it: without credentials. */
	readonly repo: string;
	readonly commit?: string;
	/** The variables that the commit hangs on. */
	readonly variables?: readonly string[];
}

const fullSha = /^([0-9a-f]{40}|[0-9a-f]{64})$/i;
const partOfSha = /^[0-9a-f]{7,}$/i;

export const reposUnpinned = rule<Data>({
	id: "repos.unpinned",
	group: "provenance",
	severity: "warning",
	fixedBy: "pin",
	summary: "a repository of the workspace without a full commit SHA",
	docs: {
		why: "Branches move, and tags can: the same eval would use different code later, and results would not be comparable.",
		bad: `workspace:
  repos:
    - repo: acme/app
      commit: main`,
		good: `workspace:
  repos:
    - repo: acme/app
      commit: 8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a`,
		mend: "Use the full commit SHA; `--pin` resolves it from the remote and writes it.",
	},
	message: ({ repo, commit, variables }) => {
		if (commit === undefined) return `repository ${repo} is not pinned to a commit`;
		const pinned = `repository ${repo} is pinned to ${JSON.stringify(commit)}`;
		if (variables) return `${pinned} by ${variables.join(", ")}, which can change`;
		return `${pinned}, ${partOfSha.test(commit) ? "a part of a SHA, which may become ambiguous" : "which may move"}`;
	},
	hint: ({ commit, variables }) =>
		variables || partOfSha.test(commit ?? "")
			? "use the full SHA"
			: "use the full SHA; `--pin` resolves it from the remote",
	*check(context) {
		for (const { commit, shown, at, commitAt } of placedRepos(context.loaded)) {
			const variables = commitAt ? [...new Set(variablesAt(commitAt, context).map(({ name }) => name))] : [];
			if (variables.length === 0 && fullSha.test(commit ?? "")) continue;
			const data = { repo: shown, ...(commit === undefined ? {} : { commit }) };
			yield { data: variables.length === 0 ? data : { ...data, variables }, at: commitAt ?? at };
		}
	},
	fix: ({ at, data }, { loaded }) => {
		const found = placedRepos(loaded).find((one) => (one.commitAt ?? one.at) === at);
		// A local path has a finding of its own, and a part of a SHA names no branch or tag that a remote could be asked for.
		if (!found || found.local || data.variables || partOfSha.test(data.commit ?? "")) return [];
		return [{ kind: "pin", at, repo: found.repo, ref: found.commit, says: `${data.repo} pinned` }];
	},
});
