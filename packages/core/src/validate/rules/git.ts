import { relative, resolve } from "node:path";
import { isInside } from "../../machine/files.ts";
import { type EvalContext, evalFiles, placedRepos, repositoryOf, variablesAt } from "../eval-context.ts";
import { type Rule, rule } from "../rule.ts";

const gitDirty = rule<{ files: readonly string[] }>({
	id: "git.dirty",
	severity: "warning",
	applies: (context) => repositoryOf(context) !== undefined,
	summary: "files of the eval that differ from the commit",
	docs: {
		why: "A result is recorded with the commit; uncommitted changes can't be reproduced.",
		bad: `$ git status --short
 M evals/greeting/cases.jsonl`,
		good: `$ git commit --all --message "Add a case"`,
		mend: "Commit the eval's files before recording results.",
	},
	message: ({ files }) =>
		`${files.length === 1 ? "a file" : `${files.length} files`} of the eval ${files.length === 1 ? "differs" : "differ"} from the commit: ${files.slice(0, 3).join(", ")}${files.length > 3 ? ", …" : ""}`,
	*check(context) {
		const { loaded, run } = context;
		const repository = repositoryOf(context);
		if (!repository) return;
		const needed = evalFiles(context).filter(({ path, whole }) => whole || run.view.kind(path) !== "directory");
		const changed = new Set(needed.flatMap(({ path }) => repository.changed(path)));
		const files = [...changed]
			.filter((file) => repository.state(file) === "tracked")
			.map((file) => relative(loaded.scope.directory, file))
			.sort();
		if (files.length > 0) yield { data: { files }, at: { file: loaded.file, path: [] } };
	},
});

const gitNoRepo = rule<Record<string, never>>({
	id: "git.no-repo",
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

const reposLocalPath = rule<{ repo: string }>({
	id: "repos.local-path",
	severity: "error",
	applies: hasRepos,
	summary: "a workspace repository that is a path on this machine",
	docs: {
		why: "The path exists only on this machine, and git does not track one repository inside another.",
		bad: `workspace:
  repos:
    - repo: ../../my-app`,
		good: `workspace:
  repos:
    - repo: https://git.example.com/acme/my-app.git
      commit: 8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a`,
		mend: "Use the repository's URL or org/name, or put a git bundle file (`git bundle create app.bundle main`) next to the eval.",
	},
	message: ({ repo }) => `repository ${JSON.stringify(repo)} is a path on this machine`,
	hint: () => "use its URL, or a git bundle file next to the eval",
	*check({ loaded, run }) {
		for (const { local, repo, repoAt } of placedRepos(loaded)) {
			const path = local && resolve(local.base, local.raw);
			// A git bundle next to the eval is copied with it.
			const travels = path && isInside(loaded.scope.directory, path) && run.view.kind(path) === "file";
			if ((local && !travels) || /^file:/i.test(repo)) yield { data: { repo }, at: repoAt };
		}
	},
});

const fullSha = /^([0-9a-f]{40}|[0-9a-f]{64})$/i;
const partOfSha = /^[0-9a-f]{7,}$/i;

const reposUnpinned = rule<{ repo: string; commit?: string; variables?: readonly string[] }>({
	id: "repos.unpinned",
	severity: "warning",
	applies: hasRepos,
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
		const placed = placedRepos(loaded).find((repo) => (repo.commitAt ?? repo.at) === at);
		// A local path has its own finding, and a remote can't resolve a part of a SHA.
		if (!placed || placed.local || data.variables || partOfSha.test(data.commit ?? "")) return [];
		return [{ kind: "pin", at, repo: placed.repo, ref: placed.commit, says: `${data.repo} pinned` }];
	},
});

function hasRepos({ loaded }: EvalContext): boolean {
	return placedRepos(loaded).length > 0;
}

export const provenanceRules: readonly Rule[] = [gitNoRepo, gitDirty, reposUnpinned, reposLocalPath];
