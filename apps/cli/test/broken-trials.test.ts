import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

/** A fault: its changes to a trial that passes, and the expected row. */
interface Break {
	readonly name: string;
	/** Fields of the eval, as YAML lines. */
	readonly eval?: string;
	readonly test?: string;
	readonly graders?: string;
	readonly target?: string;
	readonly files?: Readonly<Record<string, string>>;
	readonly stage: string;
	/**
	 * Whether the answer and its cost are recorded, because the target had answered before the fault.
	 */
	readonly answered: boolean;
}

const graders =
	"[{type: contains, name: says, value: four}, {type: code-grader, name: check, command: [node, ./check.mjs]}]";
const hook = (command: string) => `workspace: {hooks: {before_each: {command: ${command}}}}\n`;

const breaks: readonly Break[] = [
	{
		name: "a target that exits with 1",
		files: { "answer.mjs": "process.exit(1)\n" },
		stage: "target",
		answered: false,
	},
	{
		name: "a target that is killed",
		files: { "answer.mjs": "process.kill(process.pid, 'SIGKILL')\n" },
		...{ stage: "target", answered: false },
	},
	{
		name: "a target that answers too late",
		test: "timeout_seconds: 0.3",
		files: { "answer.mjs": "setTimeout(() => console.log('four'), 60_000)\n" },
		...{ stage: "target", answered: false },
	},
	{
		name: "a target that writes no answer",
		target: "command: [node, ./answer.mjs, '{OUTPUT_FILE}']",
		files: { "answer.mjs": "" },
		...{ stage: "target", answered: false },
	},
	{
		name: "a before_each hook that fails",
		eval: hook("[node, -e, 'process.exit(2)']"),
		stage: "before_each",
		answered: false,
	},
	{
		name: "a before_all hook that fails",
		eval: "workspace: {hooks: {before_all: {command: [node, -e, 'process.exit(2)']}}}\n",
		...{ stage: "before_all", answered: false },
	},
	{
		name: "an extension that throws",
		eval: 'extensions: ["file://ext.mjs:beforeEach"]\n',
		files: { "ext.mjs": "export function beforeEach() { throw new Error('no'); }\n" },
		...{ stage: "before_each", answered: false },
	},
	{
		name: "a grader that exits with 137",
		files: { "check.mjs": "process.exit(137)\n" },
		stage: "grader",
		answered: true,
	},
	{
		name: "a grader that prints half a reply",
		files: { "check.mjs": `console.log('{"score": 1, "assertions": [')\n` },
		...{ stage: "grader", answered: true },
	},
	{
		name: "a grader that runs into its time limit",
		graders:
			"[{type: contains, name: says, value: four}, {type: code-grader, command: [node, ./check.mjs], timeout_seconds: 0.3}]",
		files: { "check.mjs": "setTimeout(() => {}, 60_000)\n" },
		...{ stage: "grader", answered: true },
	},
	{
		name: "a judge whose server is gone",
		graders: "[{type: contains, name: says, value: four}, {type: llm-grader, prompt: is it good, target: judge}]",
		...{ stage: "grader", answered: true },
	},
	{
		name: "a metric that the target does not report",
		graders: "[{type: contains, name: says, value: four}, {type: token-usage, max_total: 5}]",
		...{ stage: "grader", answered: true },
	},
];

const targets = (settings: string) => `targets:
  - {name: default, provider: cli, ${settings}}
  - {name: judge, provider: openai, model: m, base_url: "http://127.0.0.1:9/v1", api_key: none, max_retries: 0}
`;

function project(broken: Partial<Break>): string {
	const test = `{id: trial, input: two and two, ${broken.test ? `${broken.test}, ` : ""}assertions: ${broken.graders ?? graders}}`;
	return tempTree({
		"my.eval.yaml": `${broken.eval ?? ""}tests:\n  - ${test}\n`,
		"other.eval.yaml": "tests: [{id: other, input: hi, assertions: [{type: is-json}], target: mock}]\n",
		"targets.yaml": `${targets(broken.target ?? "command: [node, ./answer.mjs]")}  - {name: mock, provider: mock, response: "7"}\n`,
		"answer.mjs": `console.log(JSON.stringify({ text: "four", cost_usd: 0.25 }));\n`,
		"check.mjs": `console.log('{"score": 1}');\n`,
		...broken.files,
	});
}

async function rowsOf(cwd: string) {
	const session = await agentv(["eval", "my.eval.yaml", "other.eval.yaml", "--output", "out", "--json"], { cwd });
	const rows = readFileSync(join(cwd, "out/index.jsonl"), "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line));
	const find = (id: string) => rows.find(({ test_id }) => test_id === id);
	const summary = JSON.parse(session.stdout).summary;
	return { ...session, summary, trial: find("trial"), other: find("other") };
}

describe("a trial", () => {
	test("passes without a fault", async () => {
		expect(await rowsOf(project({}))).toMatchObject({ exitCode: 0, trial: { execution_status: "ok", cost_usd: 0.25 } });
	});

	test.each(breaks)("with $name is not graded, exits with 4 and keeps the finished results", async (broken) => {
		const cwd = project(broken);
		const { exitCode, trial, other, summary } = await rowsOf(cwd);
		expect(exitCode).toBe(4);
		expect(trial).toMatchObject({ execution_status: "execution_error", score: 0, error: { stage: broken.stage } });
		expect(trial.error.message.length).toBeGreaterThan(10);
		expect(summary).toMatchObject({ planned: 2, passed: 1, failed: 0, errors: 1 });
		expect(other.execution_status).toBe("ok");
		const file = JSON.parse(readFileSync(join(cwd, "out", trial.file), "utf8"));
		expect(file.output).toBe(broken.answered ? "four" : null);
		if (!broken.answered) return;
		expect(summary.cost_usd).toBe(0.25);
		expect(trial.scores[0]).toMatchObject({ name: "says", verdict: "pass", score: 1 });
		expect(trial.scores[1]).toMatchObject({ verdict: "not_judged", score: null });
	});

	test("with an after_each hook that fails passes with a warning", async () => {
		const cwd = project({ eval: "workspace: {hooks: {after_each: {command: [node, -e, 'process.exit(2)']}}}\n" });
		const { exitCode, trial } = await rowsOf(cwd);
		expect(exitCode).toBe(0);
		expect(trial).toMatchObject({ execution_status: "ok", warnings: [{ stage: "after_each" }] });
	});

	test("with a broken grader can't be retried after the target's script has changed", async () => {
		const cwd = project({ files: { "check.mjs": "process.exit(137)\n" } });
		await rowsOf(cwd);
		writeFileSync(join(cwd, "answer.mjs"), "process.exit(9)\n");
		const again = await agentv(["eval", "run", "--retry-errors", "--run", "out", "--json"], { cwd });
		expect(again.exitCode).toBe(2);
	});
});
