import { evals, type RuleFixture, row, top } from "./rule-fixture.ts";

const tests = (path: string) => `target: local\ntests: ${path}\n`;
const template = { "evals/template/a.txt": "a" };
const hook = (command: string) => evals(top(`workspace: { hooks: { before_each: ${command} } }`));

/** Returns an eval with two tests that have the same fields. */
const both = (fields: string) =>
	`target: local\ntests:\n${["a", "b"].map((id) => `  - { ${fields}, id: ${id}, input: x, criteria: y }\n`).join("")}`;

export const pathFixtures: readonly RuleFixture[] = [
	{
		rule: "path.absolute",
		bad: evals(tests("/evals/cases.jsonl"), { "evals/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 error test data "/evals/cases.jsonl" is resolved from the repository's root`,
		hint: false,
		good: evals(tests("./cases.jsonl"), { "evals/cases.jsonl": row }),
		fixed: evals(tests("./cases.jsonl")),
	},
	{
		rule: "path.absolute",
		bad: evals(top("workspace: D:/templates/a")),
		found: 'evals/eval.yaml:1:12 error workspace template "D:/templates/a" is an absolute path',
		fixed: false, // the target does not exist on this machine
	},
	{
		rule: "path.missing",
		bad: evals(tests("./cases/*.yaml"), { "evals/cases/a.txt": "" }),
		found: 'evals/eval.yaml:2:8 error test data "./cases/*.yaml" does not exist (looked in the eval\'s directory)',
		good: evals(tests("'./my cases/*.yaml'"), { "evals/my cases/a b.yaml": "- { id: a, input: x, criteria: y }\n" }),
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
		fixed: evals(tests("../data/cases.jsonl")),
	},
	{
		rule: "path.parent-search",
		bad: evals(tests("cases"), { "cases/a/case.yaml": "input: x\ncriteria: y\n" }),
		found: 'evals/eval.yaml:2:8 error test data "cases" is found only by searching upwards, as ../cases',
		hint: false,
		fixed: evals(tests("../cases")),
	},
	{
		rule: "path.outside-eval",
		bad: evals(tests("../data/*.jsonl"), { "data/a.jsonl": row, "data/b.jsonl": row.replace('"a"', '"b"') }),
		found: `evals/eval.yaml:2:8 warning test data "../data/*.jsonl" is outside the eval's directory; the smallest directory that contains everything is ..`,
		good: evals(tests("./data/*.jsonl"), { "evals/data/a.jsonl": row }),
	},
	{
		rule: "path.outside-eval",
		bad: evals(tests("../data/cases.jsonl"), { "data/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 warning test data "../data/cases.jsonl" is outside the eval's directory; the smallest directory that contains everything is ..`,
		good: evals(tests("../evals/cases.jsonl"), { "evals/cases.jsonl": row }),
	},
	{
		rule: "path.outside-repo",
		bad: evals(top("workspace: ../../../../../../../usr")),
		found: 'evals/eval.yaml:1:12 error workspace template "../../../../../../../usr" is outside the repository',
		good: evals(top("workspace: ../template"), { "template/a.txt": "a" }),
	},
	{
		rule: "path.case",
		bad: evals(top("workspace: ./Template"), template),
		found: 'evals/eval.yaml:1:12 error workspace template "./Template" is "./template" on disk',
		hint: false,
		good: evals(top("workspace: ./template"), template),
		fixed: evals(top("workspace: ./template")),
	},
	{
		rule: "path.case",
		bad: { ...hook("node ./My\\ Scripts/Set-up.mjs --all"), "evals/My Scripts/set-up.mjs": "" },
		found: 'evals/eval.yaml:1:36 error hook script "./My Scripts/Set-up.mjs" is "./My Scripts/set-up.mjs" on disk',
		hint: false,
		fixed: hook("node './My Scripts/set-up.mjs' --all"),
	},
	{
		rule: "path.case",
		bad: evals(`base: &base { input_files: [./Notes.md] }\n${both("<<: *base")}`, { "evals/notes.md": "a" }),
		found: 'evals/eval.yaml:1:29 error input file "./Notes.md" is "./notes.md" on disk',
		hint: false,
		fixed: evals(`base: &base { input_files: [./notes.md] }\n${both("<<: *base")}`),
	},
	{
		rule: "path.backslash",
		bad: evals(tests("data\\cases.jsonl"), { "evals/data/cases.jsonl": row }),
		found: 'evals/eval.yaml:2:8 error test data "data\\\\cases.jsonl" separates directories with backslashes',
		hint: false,
		good: evals(tests("data/cases.jsonl"), { "evals/data/cases.jsonl": row }),
		fixed: evals(tests("./data/cases.jsonl")),
	},
	{
		rule: "path.backslash",
		bad: { ...hook("node .\\scripts\\set-up.mjs --all"), "evals/scripts/set-up.mjs": "" },
		found: 'evals/eval.yaml:1:41 error hook script ".\\\\scripts\\\\set-up.mjs" separates directories with backslashes',
		hint: false,
		good: hook("echo a\\ b"),
		fixed: hook("node ./scripts/set-up.mjs --all"),
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
		rule: "path.untracked",
		bad: evals(tests("./cases/*.jsonl"), { "evals/cases/a.jsonl": row }),
		later: { "evals/cases/b.jsonl": row.replace('"a"', '"b"') },
		found: 'evals/eval.yaml:2:8 warning test data "cases/b.jsonl" is not added to git yet',
	},
	{
		rule: "path.untracked",
		bad: evals(top("workspace: ./template"), { ...template, ".gitignore": "node_modules\n" }),
		later: { "evals/template/node_modules/a/index.js": "", "evals/template/__pycache__/a.pyc": "" },
		found: 'evals/eval.yaml:1:12 error workspace template "template" contains files that git ignores: node_modules/',
	},
	{
		rule: "path.opaque",
		bad: evals(top("workspace: ./${{ DIR:-template }}"), template),
		found: 'evals/eval.yaml:1:12 warning workspace template "./template" depends on DIR',
		hint: false,
		good: evals(top("workspace: ./template"), template),
	},
	{
		rule: "path.opaque",
		bad: hook("'cat x | sh'"),
		found: "evals/eval.yaml:1:36 warning the files of this hook command can't be determined: it runs in a shell",
		good: hook("[cat, eval.yaml]"),
	},
	{
		rule: "path.symlink-escape",
		bad: evals(top("workspace: ./template"), { "evals/template/out": { link: "../../etc" } }),
		found: 'evals/eval.yaml:1:12 error workspace template "./template" has a symbolic link to outside it: out',
		good: evals(top("workspace: ./template"), { ...template, "evals/template/in": { link: "a.txt" } }),
	},
	{
		rule: "path.symlink-escape",
		bad: evals(top("input_files: [./notes/hosts]"), { "evals/notes": { link: "/etc" } }),
		found: 'evals/eval.yaml:1:15 error input file "./notes/hosts" is a symbolic link to /etc/hosts',
		good: evals(top("input_files: [./notes/a.md]"), { "evals/notes": { link: "../shared" }, "shared/a.md": "a" }),
	},
];
