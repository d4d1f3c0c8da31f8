import { evals, type RuleFixture, sha, sound, top } from "./rule-fixture.ts";

const repository = (repo: string, commit: string) =>
	evals(top(`workspace: { repos: [{ repo: ${repo}, commit: ${commit} }] }`));
const more = { "evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n# more\n" };

export const provenanceFixtures: readonly RuleFixture[] = [
	{
		rule: "git.no-repo",
		bad: {},
		bare: true,
		found: "evals/eval.yaml:1:1 warning the eval is not in a git repository, so its version is unknown",
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
		rule: "git.dirty",
		bad: evals(top("workspace: ./template"), { "evals/template/a.txt": "a", "evals/template/b.txt": "b" }),
		later: { "evals/template/a.txt": "changed", "evals/template/b.txt": null, "evals/notes.txt": "none of its files" },
		found: "evals/eval.yaml:1:1 warning 2 files of the eval differ from the commit: template/a.txt, template/b.txt",
		hint: false,
	},
	{
		rule: "repos.unpinned",
		bad: repository("acme/app", "main"),
		found: 'evals/eval.yaml:1:48 warning repository acme/app is pinned to "main", which may move',
		good: repository("acme/app", sha),
	},
	{
		rule: "repos.unpinned",
		bad: repository("acme/app", "8c5fd1b"),
		found:
			'evals/eval.yaml:1:48 warning repository acme/app is pinned to "8c5fd1b", a part of a SHA, which may become ambiguous',
		good: repository("acme/app", sha.toUpperCase()),
		fixed: false,
	},
	{
		rule: "repos.unpinned",
		bad: repository("acme/app", "'${{ REF:-main }}'"),
		found: 'evals/eval.yaml:1:48 warning repository acme/app is pinned to "main" by REF, which can change',
		fixed: false,
	},
	{
		rule: "repos.local-path",
		bad: repository("../app", sha),
		found: 'evals/eval.yaml:1:30 error repository "../app" is a path on this machine',
		good: repository("https://git.example.org/app.git", sha),
	},
	{
		rule: "repos.local-path",
		bad: repository("file:///srv/app.git", sha),
		found: 'evals/eval.yaml:1:30 error repository "file:///srv/app.git" is a path on this machine',
		good: { ...repository("./app.bundle", sha), "evals/app.bundle": "a git bundle file travels with the eval" },
	},
];
