import type { FileContent } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { rules } from "../rules.ts";
import { type TreeOptions, validateTree } from "../testing/validate-tree.ts";

type Files = Readonly<Record<string, FileContent>>;

interface Case {
	readonly rule: string;
	readonly bad: Files;
	readonly found: string;
	readonly good?: Files;
	readonly options?: TreeOptions;
}

const test = (extra: string) =>
	`target: local\ntests:\n  - id: a\n    input: Say hello\n    criteria: greets\n${extra}`;
const top = (extra: string) => `${extra}\n${test("")}`;
const asks = (input: string, extra = "") =>
	`target: local\n${extra}tests:\n  - id: a\n    input: ${input}\n    criteria: greets\n`;
const evals = (text: string, more: Files = {}): Files => ({ "evals/eval.yaml": text, ...more });
const sha = "8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a";
const row = '{"id":"a","input":"hi","criteria":"greets"}\n';

const cases: readonly Case[] = [
	{ rule: "yaml.syntax", bad: evals('tests:\n  - id: "one\n'), found: "evals/eval.yaml:3:1 error" },
	{ rule: "yaml.limits", bad: evals(`a: ${"[".repeat(120)}${"]".repeat(120)}\n`), found: "evals/eval.yaml:1:" },
	{
		rule: "schema.shape",
		bad: evals(top("threshold: high")),
		found: "evals/eval.yaml:1:12 error threshold: expected a number, got text",
	},
	{
		rule: "schema.unknown-field",
		bad: evals(top("treshold: 0.5")),
		found: 'evals/eval.yaml:1:1 warning unknown field "treshold"',
	},
	{
		rule: "schema.deprecated",
		bad: evals(test("    expected_outcome: greets\n").replace("    criteria: greets\n", "")),
		found: 'evals/eval.yaml:5:5 warning "expected_outcome" is an older spelling of criteria',
	},
	{
		rule: "path.absolute",
		bad: evals("target: local\ntests: /evals/cases.jsonl\n", { "evals/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 error test data "/evals/cases.jsonl" is found from the repository's root only`,
		good: evals("target: local\ntests: ./cases.jsonl\n", { "evals/cases.jsonl": row }),
	},
	{
		rule: "path.missing",
		bad: evals(top("workspace: ./templates")),
		found: 'evals/eval.yaml:1:12 error workspace template "./templates" does not exist',
		good: evals(top("workspace: ./template"), { "evals/template/a.txt": "a" }),
	},
	{
		rule: "path.parent-search",
		bad: evals("target: local\ntests: data/cases.jsonl\n", { "data/cases.jsonl": row }),
		found:
			'evals/eval.yaml:2:8 error test data "data/cases.jsonl" is found only by searching upwards, as ../data/cases.jsonl',
	},
	{
		rule: "path.outside-eval",
		bad: evals("target: local\ntests: ../data/cases.jsonl\n", { "data/cases.jsonl": row }),
		found: `evals/eval.yaml:2:8 warning test data "../data/cases.jsonl" lies outside the eval's directory; the smallest directory that holds everything is ..`,
	},
	{
		rule: "path.outside-repo",
		bad: evals(top("workspace: ../../../../../../../usr")),
		found: 'evals/eval.yaml:1:12 error workspace template "../../../../../../../usr" leaves the repository',
	},
	{
		rule: "path.case",
		bad: evals(top("workspace: ./Template"), { "evals/template/a.txt": "a" }),
		found: 'evals/eval.yaml:1:12 error workspace template "./Template" is "./template" on disk',
	},
	{
		rule: "path.backslash",
		bad: evals("target: local\ntests: data\\cases.jsonl\n", { "evals/data/cases.jsonl": row }),
		found: 'evals/eval.yaml:2:8 error test data "data\\\\cases.jsonl" separates directories by backslashes',
	},
	{
		rule: "path.not-executable",
		bad: evals(top("workspace: { hooks: { before_each: { command: ./setup.sh } } }"), { "evals/setup.sh": "true" }),
		found: 'evals/eval.yaml:1:47 warning hook script "./setup.sh" is not executable',
		good: evals(top("workspace: { hooks: { before_each: { command: ./setup.sh } } }"), {
			"evals/setup.sh": { content: "true", mode: 0o755 },
		}),
	},
	{
		rule: "path.untracked",
		bad: evals("target: local\ntests: ./cases.jsonl\n"),
		options: { later: { "evals/cases.jsonl": row } },
		found: 'evals/eval.yaml:2:8 warning test data "cases.jsonl" is not added to git yet',
	},
	{
		rule: "path.untracked",
		bad: evals("target: local\ntests: ./cases.jsonl\n", { ".gitignore": "*.jsonl\n" }),
		options: { later: { "evals/cases.jsonl": row } },
		found: 'evals/eval.yaml:2:8 error test data "cases.jsonl" is ignored by git',
	},
	{
		rule: "path.opaque",
		bad: evals(top("workspace: { hooks: { before_all: 'cat x | sh' } }")),
		found: "evals/eval.yaml:1:35 warning the files of this hook command can't be known: it goes to the shell",
	},
	{
		rule: "path.symlink-escape",
		bad: evals(top("workspace: ./template"), { "evals/template/out": { link: "../../etc" } }),
		found: 'evals/eval.yaml:1:12 error workspace template "./template" has a symbolic link that leaves it: out',
	},
	{
		rule: "targets.undefined",
		bad: evals(test("").replace("local", "locl")),
		found: 'evals/eval.yaml:1:9 error target "locl" is not defined',
	},
	{
		rule: "targets.not-local",
		bad: evals(test(""), {
			"evals/targets.yaml": null,
			".agentv/targets.yaml": "targets: [{ name: local, provider: mock }]\n",
		}),
		found: 'evals/eval.yaml:1:9 error Target "local" resolved from parent .agentv/targets.yaml — not self-contained',
	},
	{
		rule: "targets.circular",
		bad: { "evals/targets.yaml": "targets:\n  - { name: local, use_target: b }\n  - { name: b, use_target: local }\n" },
		found: "evals/targets.yaml:3:28 error use_target goes round in a circle: local → b → local",
	},
	{
		rule: "targets.env-chosen",
		bad: {
			"evals/targets.yaml":
				"targets:\n  - { name: local, use_target: '${{ T:-b }}' }\n  - { name: b, provider: mock }\n",
		},
		found: "evals/targets.yaml:2:32 warning which target is used hangs on T (today: b)",
	},
	{
		rule: "targets.literal-secret",
		bad: {
			"evals/targets.yaml":
				"targets:\n  - name: local\n    provider: openai\n    model: m\n    api_key: 0123456789abcdef\n",
		},
		found: "evals/targets.yaml:5:14 error api_key holds a credential that is written out",
		good: {
			"evals/targets.yaml":
				"targets:\n  - name: local\n    provider: openai\n    model: m\n    api_key: ${{ API_KEY }}\n",
		},
	},
	{
		rule: "env.undocumented",
		bad: evals(test("    description: by ${{ WHO }}\n")),
		found: "evals/eval.yaml:6:21 warning WHO referenced but not documented",
		good: evals(test("    description: by ${{ WHO }}\n"), { "evals/.env.example": "WHO=\n" }),
	},
	{
		rule: "env.malformed",
		bad: evals(top("workspace: ./${{ env.DIR }}")),
		found: 'evals/eval.yaml:1:14 error "${{ env.DIR }}" looks like a variable reference but is none',
	},
	{
		rule: "env.malformed",
		bad: evals(asks('"Explain ${{ github.ref }}"')),
		found: "evals/eval.yaml:4:21 warning",
	},
	{
		rule: "git.no-repo",
		bad: {},
		options: { bare: true },
		found: "evals/eval.yaml:1:1 warning the eval lies in no git repository",
	},
	{
		rule: "git.dirty",
		bad: {},
		options: { later: { "evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n# more\n" } },
		found: "evals/eval.yaml:1:1 warning a file of the eval differs from the commit: targets.yaml",
	},
	{
		rule: "repos.unpinned",
		bad: evals(top("workspace: { repos: [{ repo: acme/app, commit: main }] }")),
		found: 'evals/eval.yaml:1:48 warning repository acme/app is pinned to "main", which may move',
		good: evals(top(`workspace: { repos: [{ repo: acme/app, commit: ${sha} }] }`)),
	},
	{
		rule: "repos.local-path",
		bad: evals(top(`workspace: { repos: [{ repo: ../app, commit: ${sha} }] }`)),
		found: 'evals/eval.yaml:1:22 error repository "../app" is a path on this machine',
	},
	{
		rule: "tests.duplicate-id",
		bad: evals(test("  - id: a\n    input: x\n    criteria: y\n")),
		found: 'evals/eval.yaml:6:9 error test id "a" is already used at evals/eval.yaml:3',
	},
	{
		rule: "tests.incomplete",
		bad: evals("target: local\ntests:\n  - id: a\n    input: x\n"),
		found: 'evals/eval.yaml:3:5 error test "a" has no criteria, expected_output or assertions',
	},
	{
		rule: "tests.depends-on",
		bad: evals(test("    depends_on: b\n")),
		found: 'evals/eval.yaml:6:17 error test "a" depends on "b", which is no test of this eval',
	},
	{
		rule: "tests.empty",
		bad: evals("target: local\ntests: []\n"),
		found: "evals/eval.yaml:1:1 error the eval has no tests",
	},
	{
		rule: "assertions.unknown-type",
		bad: evals(test("    assertions: [{ type: containz, value: x }]\n")),
		found: 'evals/eval.yaml:6:26 error unknown assertion type "containz"',
	},
	{
		rule: "assertions.regex",
		bad: evals(test("    assertions: [{ type: regex, value: '(x' }]\n")),
		found: "evals/eval.yaml:6:40 error the regular expression cannot be read",
	},
	{
		rule: "assertions.weight",
		bad: evals(test("    assertions: [{ type: contains, value: x, weight: -1 }]\n")),
		found: "evals/eval.yaml:6:54 error weight: must be at least 0",
	},
	{
		rule: "extensions.missing-export",
		bad: evals(top("extensions: ['file://s.mjs:beforeAll']"), { "evals/s.mjs": "export const beforeEach = 1;\n" }),
		found: 'evals/eval.yaml:1:14 error file://s.mjs has no export "beforeAll"',
		good: evals(top("extensions: ['file://s.mjs:beforeAll']"), {
			"evals/s.mjs": "export async function beforeAll() {}\n",
		}),
	},
	{
		rule: "extensions.provisions-repo",
		bad: evals(top("extensions: ['file://s.mjs:beforeAll']"), {
			"evals/s.mjs": 'export function beforeAll() {\n  execSync("git clone https://x/y");\n}\n',
		}),
		found: "evals/eval.yaml:1:14 warning file://s.mjs:2 seems to fetch a repository (git clone)",
	},
	{
		rule: "prompt.needs-remote",
		bad: evals(asks("Review it and merge the pull request.")),
		found: "evals/eval.yaml:4:26 warning the prompt asks for something that needs a remote",
		good: evals(asks("Fix it, but do not push the branch.")),
	},
	{
		rule: "prompt.claims-change",
		bad: evals(asks("This PR changes src/add.ts. Is it right?")),
		found: "evals/eval.yaml:4:12 warning the prompt claims that src/add.ts is changed",
		good: evals(asks('"This PR changes src/add.ts:\\n--- a/src/add.ts\\n+++ b/src/add.ts\\n"')),
	},
	{
		rule: "prompt.commit-without-repo",
		bad: evals(asks("What does commit 8c5fd1b change?")),
		found: "evals/eval.yaml:4:29 warning the prompt names commit 8c5fd1b, which no repository of the workspace pins",
		good: evals(
			asks("What does commit 8c5fd1b change?", `workspace: { repos: [{ repo: acme/app, commit: ${sha} }] }\n`),
		),
	},
];

describe("each rule", () => {
	it("has a case here", () => {
		expect(rules.map(({ id }) => id).filter((id) => !cases.some(({ rule }) => rule === id))).toEqual([]);
	});

	it.each(cases)("$rule reports at its place: $found", async ({ rule, bad, found, options }) => {
		const { findings } = await validateTree(bad, options);
		expect(findings.filter((text) => text.startsWith(`${rule} `)).join("\n")).toContain(`${rule} ${found}`);
	});

	it.each(cases.filter(({ good }) => good !== undefined))(
		"$rule is silent where it is mended",
		async ({ rule, good }) => {
			const { findings } = await validateTree(good ?? {});
			expect(findings.filter((text) => text.startsWith(`${rule} `))).toEqual([]);
		},
	);

	it("is silent about an eval that brings all it needs", async () => {
		expect((await validateTree({})).findings).toEqual([]);
	});
});
