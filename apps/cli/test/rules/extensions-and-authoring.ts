import { asks, evals, type RuleFixture, sha, top } from "./rule-fixture.ts";

const extension = (source: string) => evals(top("extensions: ['file://s.mjs:beforeAll']"), { "evals/s.mjs": source });
const commit = "What does commit 8c5fd1b change?";

export const extensionFixtures: readonly RuleFixture[] = [
	{
		rule: "extensions.missing-export",
		bad: extension("export const beforeEach = 1;\n"),
		found: 'evals/eval.yaml:1:14 error file://s.mjs has no export "beforeAll"',
		good: extension("export async function beforeAll() {}\n"),
	},
	{
		rule: "extensions.provisions-repo",
		bad: extension('export function beforeAll() {\n  execSync("git clone https://x/y");\n}\n'),
		found: "evals/eval.yaml:1:14 warning file://s.mjs:2 seems to fetch a repository (git clone)",
		good: extension('export function beforeAll() {\n  execSync("git status");\n}\n'),
	},
];

export const authoringFixtures: readonly RuleFixture[] = [
	{
		rule: "prompt.needs-remote",
		bad: evals(asks("Review it and merge the pull request.")),
		found:
			'evals/eval.yaml:4:26 warning the prompt asks for something that needs a remote ("merge the pull request"), and the sandbox has none',
		good: evals(asks("Fix it, but do not push the branch.")),
	},
	{
		rule: "prompt.claims-change",
		bad: evals(asks("This PR changes src/add.ts. Is it right?")),
		found:
			"evals/eval.yaml:4:12 warning the prompt claims that src/add.ts is changed, and nothing in the sandbox holds such a change",
		good: evals(asks('"This PR changes src/add.ts:\\n--- a/src/add.ts\\n+++ b/src/add.ts\\n"')),
	},
	{
		rule: "prompt.commit-without-repo",
		bad: evals(asks(commit)),
		found: "evals/eval.yaml:4:29 warning the prompt names commit 8c5fd1b, which no repository of the workspace pins",
		good: evals(asks(commit, `workspace: { repos: [{ repo: acme/app, commit: ${sha} }] }\n`)),
	},
];
