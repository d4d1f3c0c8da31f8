import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { verifyRun } from "../results/verify-run.ts";
import { type ModelServer, modelServer } from "../targets/testing/model-server.ts";
import { vendors } from "../targets/testing/vendors.ts";
import { runTree } from "./testing/run-fixture.ts";

const chat = vendors[0];
if (!chat) throw new Error("no vendor");
/** Each answer costs 0.1 dollars. */
const priced = "pricing: {input: 500, output: 1333.3333333}";
const server = () => modelServer(() => ({ json: chat.answer("yes") }));
const targets = ({ url }: ModelServer, more = priced) =>
	`targets: [{name: default, provider: openai, model: m, base_url: "${url}/v1", ${more}}]\n`;
const evalText = (count: number, more = "") =>
	`${more}tests:\n${Array.from({ length: count }, (_, index) => `  - {id: t${index}, input: q${index}, assertions: [{type: contains, value: yes}]}\n`).join("")}`;

describe("a budget", () => {
	test("stops starting tests after it is spent; resuming continues", async () => {
		const models = await server();
		const files = { "my.eval.yaml": evalText(10), "targets.yaml": targets(models) };
		const run = await runTree(files, { budgetUsd: 0.35, workers: 1 });
		expect(run.outcome).toBe("over-budget");
		expect(run.rows.map(({ testId }) => testId)).toEqual(["t0", "t1", "t2", "t3"]);
		expect(run.summary).toMatchObject({ planned: 10, passed: 4, errors: 0, costUsd: expect.closeTo(0.4) });
		expect(run.events.filter(({ type }) => type === "stopping")).toEqual([{ type: "stopping", reason: "budget" }]);

		const rest = await runTree({ root: run.root }, { output: run.runDir, resume: true, workers: 1 });
		expect(rest.outcome).toBe("complete");
		expect(rest.summary).toMatchObject({ passed: 10, costUsd: expect.closeTo(1) });
		expect(models.requests).toHaveLength(10);
	});

	test("of the eval applies to its own tests, unless the request has one", async () => {
		const models = await server();
		const files = { "my.eval.yaml": evalText(5, "budget_usd: 0.15\n"), "targets.yaml": targets(models) };
		const own = await runTree(files, { workers: 1 });
		expect(own.rows).toHaveLength(2);
		const given = await runTree({ root: own.root }, { workers: 1, budgetUsd: 100 });
		expect(given.outcome).toBe("complete");
	});

	test("causes a warning if the cost is unknown", async () => {
		const models = await server();
		const run = await runTree(
			{ "my.eval.yaml": evalText(3), "targets.yaml": targets(models, "temperature: 0") },
			{ budgetUsd: 1 },
		);
		expect(run.outcome).toBe("complete");
		const warnings = run.events.filter((event) => event.type === "warning");
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toMatchObject({ message: expect.stringContaining("pricing") });
	});

	test("includes failed calls and grader models", async () => {
		const models = await modelServer(({ body }) => {
			const judging = JSON.stringify(body).includes("strict and fair grader");
			return { json: chat.answer(judging ? '{"score": 1, "assertions": [], "reasoning": ""}' : "yes") };
		});
		const tests = "tests:\n  - {id: a, input: q, criteria: c}\n  - {id: b, input: q, criteria: c}\n";
		const run = await runTree(
			{ "my.eval.yaml": tests, "targets.yaml": targets(models) },
			{ budgetUsd: 0.15, workers: 1 },
		);
		expect(run.rows.map(({ testId }) => testId)).toEqual(["a"]);
		expect(run.summary).toMatchObject({ costUsd: expect.closeTo(0.1), graderCostUsd: expect.closeTo(0.1) });
	});
});

describe("the cache of calls", () => {
	test("is off by default", async () => {
		const models = await server();
		const first = await runTree({ "my.eval.yaml": evalText(2), "targets.yaml": targets(models) });
		await runTree({ root: first.root });
		expect(models.requests).toHaveLength(4);
	});

	test("answers identical calls of earlier runs at no cost, and reports their original figures", async () => {
		const models = await server();
		const files = { "my.eval.yaml": evalText(2), "targets.yaml": targets(models) };
		const first = await runTree(files, { cache: true, repeat: 2 });
		const second = await runTree({ root: first.root }, { cache: true, repeat: 2, budgetUsd: 0.05 });
		// Attempts are separate calls, and cached calls cost nothing.
		expect(models.requests).toHaveLength(4);
		expect(second).toMatchObject({ outcome: "complete", summary: { passed: 2, costUsd: 0 } });
		const { tokenUsage, costUsd, durationMs } = first.row("t0");
		expect(second.row("t0")).toMatchObject({
			...{ costUsd: 0, durationMs: 0, tokenUsage: { input: 0, output: 0 } },
			cached: { tokenUsage, costUsd, durationMs },
		});
		expect(second.row("t0", 2).cached).toMatchObject({ tokenUsage, costUsd });
		expect(first.row("t0")).not.toHaveProperty("cached");
		expect(await verifyRun(second.runDir)).toMatchObject({ differences: [] });
	});

	test("lets graders use the figures of the original call", async () => {
		const models = await server();
		const limits = [
			"{type: cost, budget: 0.05}",
			"{type: token-usage, max_total: 149}",
			"{type: execution-metrics, max_tokens: 150}",
		];
		const tests = `tests: [{id: t, input: q, assertions: [${limits.join(", ")}]}]\n`;
		const files = { "my.eval.yaml": tests, "targets.yaml": targets(models) };
		const first = await runTree(files, { cache: true });
		const second = await runTree({ root: first.root }, { cache: true });
		expect(models.requests).toHaveLength(1);
		expect(first.row("t").scores.map(({ score }) => score)).toEqual([0, 0, 1]);
		expect(second.row("t").scores).toEqual(first.row("t").scores);
		expect(await verifyRun(second.runDir)).toMatchObject({ differences: [], graders: { reExecuted: 3 } });
	});

	test.each(["length", "content_filter", "refusal"] as const)(
		"does not store an answer that ended by %s",
		async (how) => {
			const refused = { role: "assistant", content: null, refusal: "I can't say yes to that." };
			const choice = how === "refusal" ? { message: refused } : { finish_reason: how };
			const models = await modelServer(() => {
				const body = chat.answer("yes, but") as { readonly choices: readonly object[] };
				return { json: { ...body, choices: [{ ...body.choices[0], ...choice }] } };
			});
			const files = { "my.eval.yaml": evalText(1), "targets.yaml": targets(models) };
			const first = await runTree(files, { cache: true });
			const second = await runTree({ root: first.root }, { cache: true });
			expect(models.requests).toHaveLength(2);
			expect(second.row("t0")).toMatchObject({
				stopReason: how,
				...{ costUsd: expect.closeTo(0.1), tokenUsage: { input: 120, output: 30 } },
				...(how === "refusal"
					? { executionStatus: "ok", score: 1 }
					: { executionStatus: "execution_error", error: { stage: "target", code: how.replace("_", "-") } }),
			});
			const file = JSON.parse(readFileSync(join(second.runDir, second.row("t0").file ?? ""), "utf8"));
			const output = how === "refusal" ? refused.refusal : "yes, but";
			expect(file).toMatchObject({ stop_reason: how, output, messages: [{ content: output }] });
			expect(await verifyRun(second.runDir)).toMatchObject({ differences: [] });
		},
	);

	test("does not store an unusable reply of a grader model", async () => {
		let verdicts = ["I like it", '{"score": 1}', '{"score": 1}'];
		const isJudging = (body: unknown) => JSON.stringify(body).includes("strict and fair grader");
		const models = await modelServer(({ body }) => ({
			json: chat.answer(isJudging(body) ? (verdicts.shift() ?? "no more") : "yes"),
		}));
		const files = {
			"my.eval.yaml": "tests: [{id: t, input: q, criteria: It says yes.}]\n",
			"targets.yaml": targets(models),
		};
		const first = await runTree(files, { cache: true });
		expect(first.summary).toMatchObject({ passed: 1, graderCostUsd: expect.closeTo(0.2) });
		const second = await runTree({ root: first.root }, { cache: true });
		expect(second.summary).toMatchObject({ passed: 1, costUsd: 0, graderCostUsd: expect.closeTo(0.1) });
		verdicts = [];
		const third = await runTree({ root: first.root }, { cache: true });
		expect(third.summary).toMatchObject({ passed: 1, costUsd: 0, graderCostUsd: 0 });
		expect(models.requests.filter(({ body }) => isJudging(body))).toHaveLength(3);
	});

	test.each([
		["the model", { model: "n" }],
		["a setting", { temperature: 0.5 }],
		["the address", { base_url: "other" }],
	])("is not used if %s differs", async (_, change) => {
		const models = await server();
		const settings = { name: "default", provider: "openai", model: "m", base_url: `${models.url}/v1` };
		const other = "base_url" in change ? { base_url: `${models.url}/v2` } : change;
		const file = (entry: object) => JSON.stringify({ targets: [entry] });
		const home = tempTree();
		const options = { cache: true, env: { AGENTV_HOME: home } };
		await runTree({ "my.eval.yaml": evalText(1), "targets.yaml": file(settings) }, options);
		await runTree(
			{ "my.eval.yaml": evalText(1), "targets.yaml": file({ ...settings, workers: 3, max_retries: 1 }) },
			options,
		);
		expect(models.requests).toHaveLength(1);
		await runTree({ "my.eval.yaml": evalText(1), "targets.yaml": file({ ...settings, ...other }) }, options);
		expect(models.requests).toHaveLength(2);
	});

	test("does not store failures", async () => {
		const models = await modelServer((_, index) =>
			index === 0 ? { status: 400, json: chat.error("no") } : { json: chat.answer("yes") },
		);
		const first = await runTree({ "my.eval.yaml": evalText(1), "targets.yaml": targets(models) }, { cache: true });
		expect(first.summary.errors).toBe(1);
		expect((await runTree({ root: first.root }, { cache: true })).summary.passed).toBe(1);
	});
});

describe("the budget of a shard", () => {
	const shards = async (more: Parameters<typeof runTree>[1], evalMore = "") => {
		const models = await server();
		const files = { "my.eval.yaml": evalText(20, evalMore), "targets.yaml": targets(models) };
		const runs = [];
		for (const index of [1, 2, 3]) runs.push(await runTree(files, { workers: 1, shard: { index, count: 3 }, ...more }));
		return runs;
	};

	test.each([
		["the request's", { budgetUsd: 0.95 }, "", {}],
		["the eval's", {}, "budget_usd: 0.95\n", { eval: "my.eval.yaml" }],
	])("is %s multiplied by the shard's part of the tests, and is reported", async (_, more, evalMore, named) => {
		for (const run of await shards(more, evalMore)) {
			const { planned, costUsd, passed } = run.summary;
			const started = run.events.find(({ type }) => type === "started");
			const usd = (0.95 * planned) / 20;
			expect(started).toMatchObject({
				budgets: [{ ...named, usd, wholeUsd: 0.95, tests: planned, wholeTests: 20 }],
			});
			expect(run.outcome).toBe("over-budget");
			// Twenty tests cost two dollars, so each shard stops after the test that exceeds its share.
			expect(passed).toBe(Math.ceil(usd / 0.1));
			expect(costUsd).toBeCloseTo(passed / 10);
		}
	});

	test("does not exist without a budget", async () => {
		const [run] = await shards({});
		expect(run?.events.find(({ type }) => type === "started")).not.toHaveProperty("budgets");
		expect(run?.outcome).toBe("complete");
	});
});

describe("the cost of failed grading", () => {
	test("is recorded for each call and included in the summary", async () => {
		const models = await modelServer(({ body }) => {
			const judging = JSON.stringify(body).includes("strict and fair grader");
			return { json: chat.answer(judging ? "no verdict" : "yes") };
		});
		const run = await runTree(
			{ "my.eval.yaml": "tests: [{id: a, input: q, criteria: c}]\n", "targets.yaml": targets(models) },
			{ workers: 1 },
		);
		const judgements = models.requests.length - 1;
		expect(run.row("a")).toMatchObject({
			executionStatus: "execution_error",
			scores: [{ verdict: "not_judged", usage: { costUsd: expect.closeTo(judgements / 10) } }],
		});
		expect(run.summary).toMatchObject({
			...{ errors: 1, costUsd: expect.closeTo(0.1), graderCostUsd: expect.closeTo(judgements / 10) },
			graderTokenUsage: { input: expect.any(Number), output: expect.any(Number) },
		});
	});
});
