import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { modelServer } from "../targets/testing/model-server.ts";
import { vendors } from "../targets/testing/vendors.ts";
import { mockTargets, type RanEval, runTree } from "./testing/run-fixture.ts";

const chat = vendors[0];
if (!chat) throw new Error("no vendor");

const ok = `console.log(JSON.stringify({ score: 1 }))\n`;
const broken = `console.error("fixture missing"); process.exit(130)\n`;

function evalOf(assertions: readonly string[], more = ""): string {
	return `${more}tests:\n  - id: a\n    input: hi\n    assertions:\n${assertions.map((line) => `      - ${line}\n`).join("")}`;
}

function attemptFile(run: RanEval, testId: string, attempt = 1) {
	return JSON.parse(readFileSync(join(run.runDir, run.row(testId, attempt).file ?? ""), "utf8"));
}

const good = "{type: code-grader, name: good, command: [node, ./ok.mjs]}";
const bad = "{type: code-grader, name: bad, command: [node, ./broken.mjs]}";

describe("a grader that can't run", () => {
	test("leaves the attempt ungraded, with the other scores, the answer and its figures on record", async () => {
		const answer = `console.log(JSON.stringify({ text: "yes", token_usage: { input: 3, output: 2 }, cost_usd: 0.5 }))\n`;
		const run = await runTree({
			"my.eval.yaml": evalOf([bad, good, "{type: contains, value: yes}"]),
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./answer.mjs]}]\n",
			...{ "ok.mjs": ok, "broken.mjs": broken, "answer.mjs": answer },
		});
		const row = run.row("a");
		expect(row).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "grader", code: "exit-code", message: expect.stringContaining("bad: ") },
			costUsd: 0.5,
			tokenUsage: { input: 3, output: 2 },
			scores: [
				{ name: "bad", verdict: "not_judged", score: null, error: { code: "exit-code" } },
				{ name: "good", verdict: "pass", score: 1 },
				{ name: "contains", verdict: "pass", score: 1 },
			],
		});
		expect(run.summary).toMatchObject({ passed: 0, failed: 0, errors: 1, costUsd: 0.5, meanScore: null });
		const file = attemptFile(run, "a");
		expect(file).toMatchObject({ output: "yes", scores: [{ verdict: "not_judged" }, { score: 1 }, { score: 1 }] });
		expect(file.logs).toContainEqual({ stage: "grade", name: "node ./broken.mjs", text: "fixture missing\n" });
	});

	test("does not matter if a required grader fails", async () => {
		const run = await runTree({
			"my.eval.yaml": evalOf([bad, "{type: contains, value: no, required: true}"]),
			...{ "targets.yaml": mockTargets("yes"), "broken.mjs": broken },
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "quality_failure", score: 0 });
		expect(run.row("a").error).toBeUndefined();
		expect(run.row("a").scores[0]).toMatchObject({ verdict: "not_judged" });
	});

	test("keeps the results of the other parts of a composite", async () => {
		const composite = `{type: composite, name: both, aggregator: {type: weighted_average}, assertions: [${good}, ${bad}]}`;
		const run = await runTree({
			"my.eval.yaml": evalOf([composite]),
			...{ "targets.yaml": mockTargets("yes"), "ok.mjs": ok, "broken.mjs": broken },
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "execution_error", error: { message: /both: bad: / } });
		expect(attemptFile(run, "a").scores).toMatchObject([
			{
				verdict: "not_judged",
				parts: [
					{ name: "good", score: 1 },
					{ name: "bad", verdict: "not_judged" },
				],
			},
		]);
	});

	test("does not end a conversation", async () => {
		const turns = `tests:
  - id: a
    mode: conversation
    on_turn_failure: stop
    turns:
      - {input: one, assertions: [${bad}]}
      - {input: two, assertions: [{type: contains, value: yes}]}
`;
		const run = await runTree({ "my.eval.yaml": turns, "targets.yaml": mockTargets("yes"), "broken.mjs": broken });
		expect(run.row("a")).toMatchObject({
			executionStatus: "execution_error",
			scores: [
				{ name: "turn 1: bad", verdict: "not_judged" },
				{ name: "turn 2: contains", score: 1 },
			],
		});
	});
});

describe("retrying attempts without a grade", () => {
	test("runs only the graders without a score, on the recorded answer", async () => {
		const count = `import { appendFileSync } from "node:fs";\nappendFileSync("calls.txt", process.argv[2] + "\\n");\n`;
		const run = await runTree({
			"my.eval.yaml": evalOf([
				"{type: code-grader, name: good, command: [node, ./count.mjs, good]}",
				"{type: code-grader, name: late, command: [node, ./late.mjs]}",
			]),
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./count.mjs, target]}]\n",
			"count.mjs": count,
			"late.mjs": `${count}import { existsSync } from "node:fs";\nif (!existsSync("ready")) process.exit(130);\nconsole.log('{"score": 0.9}');\n`,
		});
		expect(run.row("a").executionStatus).toBe("execution_error");
		writeFileSync(join(run.root, "ready"), "");
		writeFileSync(join(run.root, "calls.txt"), "");
		const again = await runTree(run, { output: run.runDir, resume: true, retryErrors: true });
		expect(readFileSync(join(run.root, "calls.txt"), "utf8")).toBe("undefined\n");
		expect(again.row("a")).toMatchObject({ executionStatus: "ok", score: 0.95 });
		expect(again.summary).toMatchObject({ planned: 1, passed: 1, errors: 0 });
	});

	test("calls the target again if its answer was redacted or lost", async () => {
		const env = { MY_API_KEY: "topsecret12345" };
		const files = {
			"my.eval.yaml": evalOf([
				"{type: contains, value: topsecret12345}",
				"{type: code-grader, name: late, command: [node, ./late.mjs]}",
			]),
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./target.mjs]}]\n",
			"target.mjs": `import { appendFileSync } from "node:fs"; appendFileSync("calls", "x"); console.log(process.env.MY_API_KEY);`,
			"late.mjs": `import { existsSync, readFileSync } from "node:fs";
if (!existsSync("ready")) process.exit(130);
console.log(Number(readFileSync(0, "utf8").includes("topsecret12345")));`,
		};
		const run = await runTree(files, { env });
		writeFileSync(join(run.root, "ready"), "");
		const again = await runTree(run, { env, output: run.runDir, resume: true, retryErrors: true });
		expect(again.summary).toMatchObject({ planned: 1, passed: 1 });
		expect(readFileSync(join(run.root, "calls"), "utf8")).toBe("xx");
		const lost = await runTree({ ...files, "late.mjs": "process.exit(130);" });
		writeFileSync(join(lost.runDir, lost.row("a").file ?? ""), "");
		await runTree(lost, { output: lost.runDir, resume: true, retryErrors: true });
		expect(readFileSync(join(lost.root, "calls"), "utf8")).toBe("xx");
	});

	test("keeps the scores of a regraded run", async () => {
		const run = await runTree({
			"my.eval.yaml": evalOf([
				"{type: code-grader, name: good, command: [node, ./good.mjs]}",
				"{type: code-grader, name: late, command: [node, ./late.mjs]}",
			]),
			"targets.yaml": mockTargets("yes"),
			"good.mjs": `import { appendFileSync } from "node:fs"; appendFileSync("good", "x"); console.log(1);`,
			"late.mjs": `import { existsSync } from "node:fs"; if (!existsSync("ready")) process.exit(130); console.log(0.9);`,
		});
		const request = { regrade: { origin: run.runDir } };
		const regraded = await runTree({ root: run.root }, request);
		expect(regraded.summary).toMatchObject({ planned: 1, errors: 1 });
		writeFileSync(join(run.root, "ready"), "");
		const again = await runTree(
			{ root: run.root },
			{ ...request, output: regraded.runDir, resume: true, retryErrors: true },
		);
		expect(again.row("a")).toMatchObject({ executionStatus: "ok", score: 0.95 });
		expect(readFileSync(join(run.root, "good"), "utf8")).toBe("xx");
	});

	test("adds the cost of the failed grading", async () => {
		let works = false;
		const models = await modelServer(({ body }) => {
			const judging = JSON.stringify(body).includes("strict and fair grader");
			if (!judging) return { json: chat.answer("yes") };
			return { json: chat.answer(works ? '{"score": 1, "assertions": [], "reasoning": ""}' : "I can't say.") };
		});
		const price = "pricing: {input: 500, output: 1333.3333333}";
		const run = await runTree({
			"my.eval.yaml": "tests:\n  - {id: a, input: q, criteria: c}\n",
			"targets.yaml": `targets: [{name: default, provider: openai, model: m, base_url: "${models.url}/v1", ${price}}]\n`,
		});
		const failed = run.summary.graderCostUsd ?? 0;
		expect(failed).toBeGreaterThan(0.15);
		expect(run.row("a").scores[0]?.usage?.costUsd).toBeCloseTo(failed);
		works = true;
		const before = models.requests.length;
		const again = await runTree(run, { output: run.runDir, resume: true, retryErrors: true });
		expect(models.requests.length - before).toBe(1);
		expect(again.summary).toMatchObject({ passed: 1, costUsd: expect.closeTo(0.1) });
		expect(again.summary.graderCostUsd).toBeCloseTo(failed + 0.1);
	});
});

describe("a target that fails", () => {
	test("has the cost of all its calls", async () => {
		const answer = `import { appendFileSync, readFileSync } from "node:fs";
appendFileSync("calls", "x");
console.log(JSON.stringify({ text: "yes", cost_usd: 0.5, token_usage: { input: 1, output: 1 } }));
if (readFileSync("calls").length < 3) process.exit(1);
`;
		const run = await runTree({
			"my.eval.yaml": evalOf(["{type: contains, value: yes}"]),
			"targets.yaml":
				"targets: [{name: default, provider: cli, command: [node, ./answer.mjs], max_retries: 2, retry_initial_delay_ms: 1}]\n",
			"answer.mjs": answer,
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", costUsd: 1.5, tokenUsage: { input: 3, output: 3 } });
		writeFileSync(join(run.root, "calls"), "");
		const two = await runTree({ root: run.root }, { output: join(run.root, "out") });
		expect(two.summary.costUsd).toBe(1.5);
	});

	test("keeps its output, cost and duration", async () => {
		const agent = `console.error("loading tools");
console.log(JSON.stringify({ type: "assistant", message: { role: "assistant", content: [{ type: "text", text: "half an answer" }] } }));
setTimeout(() => process.exit(3), 200);
`;
		const root = tempTree({
			"my.eval.yaml": evalOf(["{type: contains, value: yes}"]),
			"targets.yaml": "targets: [{name: default, provider: claude, executable: ./agent.mjs}]\n",
			"agent.mjs": `#!/usr/bin/env node\nif (process.argv.includes("--version")) { console.log("1.0"); process.exit(0); }\n${agent}`,
		});
		chmodSync(join(root, "agent.mjs"), 0o755);
		const run = await runTree({ root });
		const row = run.row("a");
		expect(row).toMatchObject({ executionStatus: "execution_error", error: { stage: "target" }, scores: [] });
		expect(row.durationMs).toBeGreaterThanOrEqual(190);
		expect(row.timingsMs?.target).toBeGreaterThanOrEqual(190);
		const file = attemptFile(run, "a");
		expect(file.messages).toMatchObject([{ role: "assistant", content: "half an answer" }]);
		expect(file.logs).toMatchObject([{ stage: "target", name: "default", text: "loading tools\n" }]);
	});
});

test("an attempt's duration is reported by stage, and the target's excludes grading", async () => {
	const sleep = (ms: number, text: string) => `setTimeout(() => console.log('${text}'), ${ms});\n`;
	const run = await runTree({
		"my.eval.yaml": evalOf(
			["{type: code-grader, command: [node, ./slow.mjs]}"],
			"workspace:\n  hooks:\n    before_each: {command: [node, ./hook.mjs]}\n",
		),
		"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./answer.mjs]}]\n",
		...{ "slow.mjs": sleep(300, '{"score": 1}'), "answer.mjs": sleep(150, "yes"), "hook.mjs": sleep(100, "ready") },
	});
	const { timingsMs, durationMs } = run.row("a");
	expect(timingsMs?.target).toBeGreaterThanOrEqual(150);
	expect(timingsMs?.grade).toBeGreaterThanOrEqual(300);
	expect(timingsMs?.hooks).toBeGreaterThanOrEqual(100);
	expect(timingsMs?.judge).toBe(0);
	expect(durationMs).toBeLessThan((timingsMs?.target ?? 0) + 5);
});

test("an attempt whose file can't be written is not graded, and its cost stays on record", async () => {
	const root = tempTree({
		"my.eval.yaml": evalOf(["{type: contains, value: yes}"]),
		"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./agent.mjs]}]\n",
		// A link in place of the attempt's directory.
		"agent.mjs": `import { rmSync, symlinkSync } from "node:fs";
			const tests = new URL("./out/tests", import.meta.url);
			rmSync(tests, { recursive: true, force: true });
			symlinkSync("/nowhere", tests);
			console.log(JSON.stringify({ text: "yes", cost_usd: 0.5 }));`,
	});
	await expect(runTree({ root }, { output: join(root, "out") })).rejects.toMatchObject({ code: "not-runnable" });
	const row = JSON.parse(readFileSync(join(root, "out/index.jsonl"), "utf8"));
	expect(row).toMatchObject({ execution_status: "execution_error", cost_usd: 0.5, error: { stage: "record" } });
});

test("output of hooks, extensions, the target and graders is kept by stage, with secrets redacted", async () => {
	const print = (text: string, more = "") => `console.error("${text} " + process.env.MY_TOKEN);\n${more}`;
	const run = await runTree(
		{
			"my.eval.yaml": evalOf(
				["{type: code-grader, command: [node, ./grade.mjs]}"],
				`workspace:
  hooks:
    before_all: {command: [node, ../all.mjs]}
    after_each: {command: [node, ./each.mjs]}
    after_all: {command: [node, ./all.mjs]}
extensions: ["file://ext.mjs:beforeEach"]
`.replace("../all", "./all"),
			),
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./answer.mjs]}]\n",
			"all.mjs": print("all"),
			"each.mjs": print("each"),
			"ext.mjs": `export function beforeEach() { ${print("ext").trim()} }\n`,
			"answer.mjs": print("answering", "console.log('yes');\n"),
			"grade.mjs": print("grading", `console.log('{"score": 1}');\n`),
		},
		{ env: { MY_TOKEN: "very-secret-value" } },
	);
	expect(run.row("a").executionStatus).toBe("ok");
	const { logs } = attemptFile(run, "a");
	expect(logs).toEqual([
		{ stage: "before_all", name: "node ./all.mjs", text: "all ***\n" },
		{ stage: "before_each", name: "file://ext.mjs", text: "ext ***\n" },
		{ stage: "target", name: "default", text: "answering ***\n" },
		{ stage: "grade", name: "node ./grade.mjs", text: 'grading ***\n{"score": 1}\n' },
		{ stage: "after_each", name: "node ./each.mjs", text: "each ***\n" },
	]);
	expect(JSON.parse(readFileSync(join(run.runDir, "logs.json"), "utf8"))).toEqual({
		logs: [{ stage: "after_all", name: "node ./all.mjs", text: "all ***\n" }],
	});
});

test("a log keeps the beginning and the end of a program's output", async () => {
	const run = await runTree({
		"my.eval.yaml": evalOf(["{type: contains, value: yes}"]),
		"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./answer.mjs]}]\n",
		"answer.mjs": `process.stderr.write("first" + "x".repeat(1_000_000) + "last");\nconsole.log("yes");\n`,
	});
	const [log] = attemptFile(run, "a").logs;
	expect(log.text.length + log.omitted).toBe(1_000_009);
	expect(log.text.length).toBe(64 * 1024);
	expect([log.text.slice(0, 5), log.text.slice(-4)]).toEqual(["first", "last"]);
});
