import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readComparedRun } from "../results/case-scores.ts";
import { compareRuns } from "../results/compare-runs.ts";
import { verifyRun } from "../results/verify-run.ts";
import { modelServer } from "../targets/testing/model-server.ts";
import { vendors } from "../targets/testing/vendors.ts";
import { type RanEval, runTree } from "./testing/run-fixture.ts";

/** An agent that does what its test's id says. */
const agent = `import fs from "node:fs";
const what = fs.existsSync("honest.txt") ? "no" : process.argv[2];
const tricks = {
	exit: () => process.exit(3),
	missing: () => process.exit(127),
	killed: () => process.kill(process.pid, "SIGKILL"),
	slow: () => new Promise((done) => setTimeout(done, 60_000)),
	gone: () => fs.rmSync(process.cwd(), { recursive: true, force: true }),
	swapped: () => { const cwd = process.cwd(); fs.rmSync(cwd, { recursive: true, force: true }); fs.symlinkSync("/usr", cwd); },
	much: () => { for (let i = 0; i < 65; i++) fs.writeSync(1, "x".repeat(1024 * 1024)); },
	lost: () => console.log(JSON.stringify({ output_messages: [{ role: "assistant", content: [{ type: "file", path: "nothing.pdf" }] }] })),
};
await tricks[what]?.();
if (what === "lost") process.exit(0);
console.log(what === "right" ? "yes" : "no");
`;
const tricks = ["exit", "missing", "killed", "slow", "gone", "swapped", "much", "lost"];

function evalOf(ids: readonly string[], more = ""): string {
	const tests = ids.map((id) => `  - {id: ${id}, input: ${id}}\n`).join("");
	return `workspace: {template: ./template}\nassertions: [{type: contains, value: "yes"}]\n${more}tests:\n${tests}`;
}

const files = {
	"targets.yaml":
		'targets: [{name: default, provider: cli, timeout_seconds: 3, command: [node, ./agent.mjs, "{PROMPT}"]}]\n',
	"template/readme.md": "hello\n",
	"agent.mjs": agent,
};

const causes = ({ rows }: RanEval) => Object.fromEntries(rows.map(({ testId, error }) => [testId, error?.causedBy]));

describe("an agent that prevents the grading of its attempts", () => {
	test("is recorded as the cause, and its attempts count as 0 in the lower bound, also regraded and verified", async () => {
		const run = await runTree({ ...files, "my.eval.yaml": evalOf([...tricks, "right", "wrong"]) }, { workers: 2 });
		expect(causes(run)).toEqual({
			...Object.fromEntries(tricks.map((id) => [id, "agent"])),
			right: undefined,
			wrong: undefined,
		});
		const summary = { passed: 1, failed: 1, errors: 8, errorsByAgent: 8, meanScore: 0.5, meanScoreLowerBound: 0.1 };
		expect(run.summary).toMatchObject(summary);
		expect((await verifyRun(run.runDir)).differences).toEqual([]);
		const again = await runTree({ root: run.root }, { regrade: { origin: run.runDir } });
		expect(again.summary).toMatchObject(summary);
	});

	test("does not pass a gate that it would fail by honest failures", async () => {
		const ids = ["exit", "gone", "much", "slow", "killed", "lost", "missing"];
		const tree = { ...files, "my.eval.yaml": evalOf(ids) };
		const good = await runTree({ ...tree, "agent.mjs": 'console.log("yes");\n' });
		writeFileSync(join(good.root, "agent.mjs"), agent);
		const bad = await runTree({ root: good.root });
		const cases = [good, bad].map(({ runDir }) => readComparedRun(runDir).cases);
		const comparison = compareRuns(cases[0] ?? [], cases[1] ?? [], new Set(["target"]));
		expect(comparison.comparable).toEqual([]);
		expect(comparison.atLeast).toMatchObject({ difference: { tests: 7, mean: -1 }, verdict: "worse" });
	});

	test("is the cause of tests that were skipped because their dependency failed", async () => {
		const dependent =
			"  - {id: later, input: right, depends_on: [wrong]}\n  - {id: last, input: right, depends_on: [exit]}\n";
		const run = await runTree({ ...files, "my.eval.yaml": `${evalOf(["wrong", "exit", "right"])}${dependent}` });
		expect(causes(run)).toEqual({ wrong: undefined, exit: "agent", right: undefined, later: "agent", last: "agent" });
		expect(run.summary).toMatchObject({ meanScore: 0.5, meanScoreLowerBound: 0.2 });
	});

	test("causes errors that count as 0 among the attempts of a repeated test", async () => {
		const once = `import { existsSync, writeFileSync } from "node:fs";
if (existsSync(process.env.HOME + "/count")) process.exit(1);
writeFileSync(process.env.HOME + "/count", ""); console.log("yes");`;
		const run = await runTree(
			{ ...files, "agent.mjs": once, "my.eval.yaml": evalOf(["a"]).replace("{id: a", "{id: a, repeat: 2") },
			{ workers: 1 },
		);
		expect(run.summary.errors + run.summary.passed).toBe(1);
		if (run.rows.some(({ error }) => error)) expect(run.summary.meanScoreLowerBound).toBeLessThanOrEqual(0.5);
	});

	test("remains the cause after the run is resumed", async () => {
		const run = await runTree({ ...files, "my.eval.yaml": evalOf(["exit", "right"]) });
		const index = join(run.runDir, "index.jsonl");
		const [first] = readFileSync(index, "utf8")
			.split("\n")
			.filter((line) => line.includes('"caused_by":"agent"'));
		writeFileSync(index, `${first}\n`);
		const again = await runTree({ root: run.root }, { output: run.runDir, resume: true });
		expect(again.summary).toMatchObject({
			passed: 1,
			errors: 1,
			errorsByAgent: 1,
			meanScore: 1,
			meanScoreLowerBound: 0.5,
		});
	});
});

describe("errors that the agent does not cause", () => {
	test("of a model's server are caused by the provider and change no bound", async () => {
		const [chat] = vendors;
		if (!chat) throw new Error("no vendor");
		const server = await modelServer(() => ({ status: 500, json: { error: { message: "overloaded" } } }));
		const run = await runTree(
			{
				"my.eval.yaml": "assertions: [{type: contains, value: yes}]\ntests: [{id: a, input: hi}]\n",
				"targets.yaml": `targets: [{name: default, provider: openai, model: m, api_key: "\${{ KEY }}", base_url: "${server.url}/v1", max_retries: 0}]\n`,
			},
			{ env: { KEY: "sk-some-key-of-the-tests" } },
		);
		expect(run.row("a").error).toMatchObject({ stage: "target", code: "http-500", causedBy: "provider" });
		expect(run.summary).toMatchObject({ errors: 1, errorsByAgent: 0, meanScore: null, meanScoreLowerBound: null });
	});

	test("of a grader are caused by the grader, and those of a hook have no cause", async () => {
		const run = await runTree({
			...files,
			"my.eval.yaml": evalOf(["right"]).replace(
				"assertions: [",
				"assertions: [{type: code-grader, command: [node, -e, process.exit(130)]}, ",
			),
		});
		expect(run.row("right").error).toMatchObject({ stage: "grader", causedBy: "grader" });
		const hooked = await runTree({
			...files,
			"my.eval.yaml": evalOf(["right"]).replace(
				"./template}",
				"./template, hooks: {before_each: {command: [node, -e, process.exit(1)]}}}",
			),
		});
		expect(hooked.row("right").error?.causedBy).toBeUndefined();
		expect(hooked.summary).toMatchObject({ errors: 1, errorsByAgent: 0 });
	});
});
