import { evals, type RuleFixture, sha, sound, top } from "./rule-fixture.ts";

const repository = (repo: string, commit: string) =>
	evals(top(`workspace: { repos: [{ repo: ${repo}, commit: ${commit} }] }`));
const more = { "evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n# more\n" };

export const provenanceFixtures: readonly RuleFixture[] = [
	{
		rule: "git.no-repo",
		bad: {},
		bare: true,
		found: "evals/eval.yaml:1:1 warning the eval lies in no git repository, so its version can't be told",
		hint: false,
		good: sound,
	},
	{
		rule: "git.dirty",
		bad: {},
		later: more,
		found: "evals/eval.yaml:1:1 warning a file of the eval differs from the commit: targets.yaml",
		hint: false,
		good: more,
	},
	{
		rule: "repos.unpinned",
		bad: repository("acme/app", "main"),
		found: 'evals/eval.yaml:1:48 warning repository acme/app is pinned to "main", which may move',
		good: repository("acme/app", sha),
	},
	{
		rule: "repos.local-path",
		bad: repository("../app", sha),
		found: 'evals/eval.yaml:1:22 error repository "../app" is a path on this machine',
		good: repository("https://git.example.org/app.git", sha),
	},
];
