import { evals, type RuleFixture, row, top } from "./rule-fixture.ts";

const tests = (path: string) => `target: local\ntests: ${path}\n`;
const template = { "evals/template/a.txt": "a" };
const hook = (command: string) => evals(top(`workspace: { hooks: { before_each: ${command} } }`));

export const pathFixtures: readonly RuleFixture[] = [
	{
		rule: "path.absolute",
		bad: evals(tests("/evals/cases.jsonl"), { "evals/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 error test data "/evals/cases.jsonl" is found from the repository's root only`,
		hint: false,
		good: evals(tests("./cases.jsonl"), { "evals/cases.jsonl": row }),
	},
	{
		rule: "path.missing",
		bad: evals(top("workspace: ./templates"), template),
		found: `evals/eval.yaml:1:12 error workspace template "./templates" does not exist (looked in the eval's directory)`,
		good: evals(top("workspace: ./template"), template),
	},
	{
		rule: "path.parent-search",
		bad: evals(tests("data/cases.jsonl"), { "data/cases.jsonl": row }),
		found:
			'evals/eval.yaml:2:8 error test data "data/cases.jsonl" is found only by searching upwards, as ../data/cases.jsonl',
		hint: false,
		good: evals(tests("data/cases.jsonl"), { "evals/data/cases.jsonl": row }),
	},
	{
		rule: "path.outside-eval",
		bad: evals(tests("../data/cases.jsonl"), { "data/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 warning test data "../data/cases.jsonl" lies outside the eval's directory; the smallest directory that holds everything is ..`,
		good: evals(tests("../evals/cases.jsonl"), { "evals/cases.jsonl": row }),
	},
	{
		rule: "path.outside-repo",
		bad: evals(top("workspace: ../../../../../../../usr")),
		found: 'evals/eval.yaml:1:12 error workspace template "../../../../../../../usr" leaves the repository',
		good: evals(top("workspace: ../template"), { "template/a.txt": "a" }),
	},
	{
		rule: "path.case",
		bad: evals(top("workspace: ./Template"), template),
		found: 'evals/eval.yaml:1:12 error workspace template "./Template" is "./template" on disk',
		hint: false,
		good: evals(top("workspace: ./template"), template),
	},
	{
		rule: "path.backslash",
		bad: evals(tests("data\\cases.jsonl"), { "evals/data/cases.jsonl": row }),
		found: 'evals/eval.yaml:2:8 error test data "data\\\\cases.jsonl" separates directories by backslashes',
		hint: false,
		good: evals(tests("data/cases.jsonl"), { "evals/data/cases.jsonl": row }),
	},
	{
		rule: "path.not-executable",
		bad: { ...hook("{ command: ./setup.sh }"), "evals/setup.sh": "true" },
		found: 'evals/eval.yaml:1:47 warning hook script "./setup.sh" is not executable',
		good: { ...hook("{ command: ./setup.sh }"), "evals/setup.sh": { content: "true", mode: 0o755 } },
	},
	{
		rule: "path.untracked",
		bad: evals(tests("./cases.jsonl")),
		later: { "evals/cases.jsonl": row },
		found: 'evals/eval.yaml:2:8 warning test data "cases.jsonl" is not added to git yet',
		good: evals(tests("./cases.jsonl"), { "evals/cases.jsonl": row }),
	},
	{
		rule: "path.untracked",
		bad: evals(tests("./cases.jsonl"), { ".gitignore": "*.jsonl\n" }),
		later: { "evals/cases.jsonl": row },
		found: 'evals/eval.yaml:2:8 error test data "cases.jsonl" is ignored by git',
		good: evals(tests("./cases.jsonl"), { ".gitignore": "*.log\n", "evals/cases.jsonl": row }),
	},
	{
		rule: "path.opaque",
		bad: hook("'cat x | sh'"),
		found: "evals/eval.yaml:1:36 warning the files of this hook command can't be known: it goes to the shell",
		good: hook("[cat, eval.yaml]"),
	},
	{
		rule: "path.symlink-escape",
		bad: evals(top("workspace: ./template"), { "evals/template/out": { link: "../../etc" } }),
		found: 'evals/eval.yaml:1:12 error workspace template "./template" has a symbolic link that leaves it: out',
		good: evals(top("workspace: ./template"), { ...template, "evals/template/in": { link: "a.txt" } }),
	},
];
