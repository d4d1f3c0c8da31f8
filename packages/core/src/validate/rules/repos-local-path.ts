import { resolve } from "node:path";
import { isInside } from "../../io/files/path-inside.ts";
import { rule } from "../rule.ts";
import { placedRepos } from "../workspaces.ts";

interface Data {
	readonly repo: string;
}

export const reposLocalPath = rule<Data>({
	id: "repos.local-path",
	group: "provenance",
	severity: "error",
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
			// A git bundle beside the eval travels with it.
			const travels = path && isInside(loaded.scope.directory, path) && run.view.kind(path) === "file";
			if ((local && !travels) || /^file:/i.test(repo)) yield { data: { repo }, at: repoAt };
		}
	},
});
