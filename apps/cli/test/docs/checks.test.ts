import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { unknownName } from "./known-names.ts";
import { linkProblem, parsePage } from "./markdown-page.ts";
import { commandsOf } from "./page-commands.ts";
import { pageSandbox, surpriseOf } from "./page-sandbox.ts";
import { kindOf, schemaProblems } from "./page-yaml.ts";

const fence = "```";
const page = parsePage(
	"docs/planted.md",
	`# Planted \`page\`

See [evals](evals.md), [one](evals.md#tests), [itself](#planted-page), [absent](absent.md), [nothing](evals.md#nothing).

${fence}sh
# a remark
agentv eval validate evals   # fine
agentv eval validate nowhere # exit 1
agentv eval validate \\
  nowhere
npm test
export SHELL_KEEPS=this && cd evals
test "$SHELL_KEEPS" = this && test -f cases.jsonl
${fence}
`,
);

describe("the checks of the documentation", () => {
	it("find commands with their lines and exit codes, except those for the checkout", () => {
		expect(commandsOf(page).map(({ text, line, exitCode }) => [line, text.split(/\s*[#\\]/)[0], exitCode])).toEqual([
			[7, "agentv eval validate evals", 0],
			[8, "agentv eval validate nowhere", 1],
			[9, "agentv eval validate", 0],
			[12, "export SHELL_KEEPS=this && cd evals", 0],
			[13, 'test "$SHELL_KEEPS" = this && test -f cases.jsonl', 0],
		]);
	});

	it("run them in one shell and report each unexpected exit code", async () => {
		const starter = tempTree();
		await agentv(["init"], { cwd: starter });
		const sandbox = await pageSandbox(page, { starter, fromNothing: false });
		const surprises: (string | undefined)[] = [];
		for (const command of commandsOf(page)) surprises.push(await surpriseOf(command, sandbox));
		expect(surprises.map((text) => text?.replace(/:.*\nexit/s, ": exit").split("\n")[0])).toEqual([
			undefined,
			"8: exit 2",
			"9: exit 2",
			undefined,
			undefined,
		]);
	});

	it("report broken links", () => {
		expect(page.links.map(({ text }) => linkProblem(page, text))).toEqual([
			undefined,
			undefined,
			undefined,
			"there is no such file",
			"the page has no such heading",
		]);
	});

	it.each([
		["agentv eval run --nothing", "agentv eval run has no --nothing"],
		["agentv eval my.eval.yaml --nothing", "agentv eval run has no --nothing"],
		["agentv bundle <eval> --reset", "agentv bundle has no --reset"],
		["agentv --nothing", "agentv has no --nothing"],
		["agentv results forget", "there is no such command"],
		["agentv forget", "there is no such command"],
		["--nothing", "no command has --nothing"],
		["docs/nothing.md", "there is no such file"],
	])("reject %s", (code, problem) => {
		expect(unknownName(code)).toBe(problem);
	});

	it.each(["agentv eval run --json", "agentv <command> --help", "agentv eval evals/", "--shard 1/2", "docs/evals.md"])(
		"accept %s",
		(code) => {
			expect(unknownName(code)).toBeUndefined();
		},
	);

	it.each([
		["benchmarks: [{ id: a }]", "/benchmarks/0 must have required property 'path'"],
		["targets: [{ name: a, provider: mock, respond: b }]", "a: unknown setting respond"],
		["threshold: high", "/threshold must be number"],
	])("validate %s against its schema", (text, problem) => {
		const known = kindOf({ language: "yaml", text, line: 1 });
		expect(known && schemaProblems(known.kind, known.value)).toContain(problem);
	});

	it("reject YAML of an unknown kind", () => {
		expect(kindOf({ language: "yaml", text: "something: unknown", line: 1 })).toBeUndefined();
	});
});
