import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runTree } from "./testing/run-fixture.ts";

const judging = (assertion: string) => ({
	"my.eval.yaml": `tests: [{ id: a, input: "Say {{ word }}, not {{{{ word }}}}", vars: { word: "a {{ criteria }}" }, assertions: [${assertion}] }]\n`,
	"judge.md": "Does {{ output }} name {{ word }}, not {{{{ word }}}}?",
	"targets.yaml": `targets:
  - { name: default, provider: mock, response: Hello!, grader_target: judge }
  - { name: judge, provider: cli, command: [node, ./judge.mjs, "{PROMPT_FILE}"] }
`,
	"judge.mjs": `import { copyFileSync } from "node:fs";
copyFileSync(process.argv[2], "seen.txt");
console.log('{"score": 1, "assertions": [], "reasoning": "fine"}');
`,
});

test.each([
	["text", '{ type: llm-grader, prompt: "Does {{ output }} name {{ word }}, not {{{{ word }}}}?" }'],
	["a file", "{ type: llm-grader, prompt: ./judge.md }"],
])(
	"a prompt as %s contains the test's vars, which are not expanded again, and keeps its literals",
	async (_, assertion) => {
		const run = await runTree(judging(assertion));
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", score: 1 });
		expect(readFileSync(join(run.root, "seen.txt"), "utf8")).toMatch(
			/Does <material-\w+>\nHello!\n<\/material-\w+> name a \{\{ criteria \}\}, not \{\{ word \}\}\?/,
		);
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("a").file ?? ""), "utf8"));
		expect(detail.input).toBe("Say a {{ criteria }}, not {{ word }}");
	},
);

test("a var that only a prompt file uses is part of the graders' fingerprint", async () => {
	const print = async (word: string) => {
		const files = judging("{ type: llm-grader, prompt: ./judge.md }");
		const text = files["my.eval.yaml"].replace('input: "Say {{ word }}, not {{{{ word }}}}"', "input: hi");
		return (await runTree({ ...files, "my.eval.yaml": text.replace("a {{ criteria }}", word) })).row("a").fingerprint;
	};
	const [one, other] = [await print("one"), await print("two")];
	expect(one?.test).toBe(other?.test);
	expect(one?.graders).not.toBe(other?.graders);
});
