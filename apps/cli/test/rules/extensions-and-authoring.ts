import { asks, evals, type RuleFixture, sha, top } from "./rule-fixture.ts";

const extension = (source: string) => evals(top("extensions: ['file://s.mjs:beforeAll']"), { "evals/s.mjs": source });
const python = (source: string) => evals(top("extensions: ['file://s.py:beforeAll']"), { "evals/s.py": source });
const commit = "What does commit 8c5fd1b change?";

export const extensionFixtures: readonly RuleFixture[] = [
	{
		rule: "extensions.missing-export",
		bad: extension("export const beforeEach = 1;\n"),
		found: 'evals/eval.yaml:1:14 error file://s.mjs has no export "beforeAll"',
		good: extension("export async function beforeAll() {}\n"),
	},
	{
		rule: "extensions.missing-export",
		bad: extension("// export function beforeAll() {}\nexport default { beforeAll() {} };\n"),
		found: 'evals/eval.yaml:1:14 error file://s.mjs has no export "beforeAll"',
		good: extension("const set = () => {};\nexport { set as beforeAll };\n"),
	},
	{
		rule: "extensions.missing-export",
		bad: python("def before_all(context):\n    pass\n"),
		found: 'evals/eval.yaml:1:14 error file://s.py has no function "beforeAll"',
		good: python("from common import beforeAll\n"),
	},
	{
		rule: "extensions.provisions-repo",
		bad: extension('export function beforeAll() {\n  execSync("git clone https://x/y");\n}\n'),
		found: "evals/eval.yaml:1:14 warning file://s.mjs:2 seems to fetch a repository (git clone)",
		good: extension('// no git clone here\nexport function beforeAll() {\n  execSync("git status");\n}\n'),
	},
];

export const authoringFixtures: readonly RuleFixture[] = [
	{
		rule: "prompt.needs-remote",
		bad: evals(asks("Review it and merge the pull request.")),
		found:
			'evals/eval.yaml:4:26 warning the prompt asks for something that needs a remote ("merge the pull request"), but the sandbox has none',
		good: evals(asks("Fix it, but do not push the branch.")),
	},
	{
		rule: "prompt.needs-remote",
		bad: evals(asks("Fix it. When done, commit and push.")),
		found:
			'evals/eval.yaml:4:38 warning the prompt asks for something that needs a remote ("and push"), but the sandbox has none',
		good: {
			...evals(asks("Commit and push.", "workspace: { hooks: { before_each: [node, ./set-up.mjs] } }\n")),
			"evals/set-up.mjs": 'execSync("git init --bare ../origin.git && git remote add origin ../origin.git");\n',
		},
	},
	{
		rule: "prompt.claims-change",
		bad: evals(asks("This PR changes src/add.ts. Is it right?")),
		found:
			"evals/eval.yaml:4:12 warning the prompt claims that src/add.ts is changed, but the sandbox does not contain such a change",
		good: evals(asks('"This PR changes src/add.ts:\\n--- a/src/add.ts\\n+++ b/src/add.ts\\n"')),
	},
	{
		rule: "prompt.claims-change",
		bad: evals(asks("Review the uncommitted changes in src/add.ts.")),
		found:
			"evals/eval.yaml:4:23 warning the prompt claims that src/add.ts is changed, but the sandbox does not contain such a change",
		good: {
			...evals(asks("This PR changes src/add.ts.", "metadata: { diff_file: ./add.patch }\n")),
			"evals/add.patch": "--- a/src/add.ts\n+++ b/src/add.ts\n@@ -1 +1 @@\n-a\n+b\n",
		},
	},
	{
		rule: "prompt.commit-without-repo",
		bad: evals(asks("Run git show --stat 8c5fd1b.")),
		found: "evals/eval.yaml:4:32 warning the prompt mentions commit 8c5fd1b, which no repository of the workspace pins",
		good: evals(asks(`The SHA-1 of nothing is ${sha}.`)),
	},
	{
		rule: "prompt.commit-without-repo",
		bad: evals(asks(commit)),
		found: "evals/eval.yaml:4:29 warning the prompt mentions commit 8c5fd1b, which no repository of the workspace pins",
		good: evals(asks(commit, `workspace: { repos: [{ repo: acme/app, commit: ${sha} }] }\n`)),
	},
];
