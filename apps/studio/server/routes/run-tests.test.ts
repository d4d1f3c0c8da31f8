import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planRun, type RunSummary, readSummary, runEvals, testsNotRun } from "@agentv/core";
import { judgedPrograms, law } from "@agentv/test-support";
import { type RandomProject, randomProjects } from "@agentv/test-support/random-project";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunHistory, RunResponse } from "../run-responses.ts";
import type { TestResult } from "../test-responses.ts";
import { type TestStudio, testStudio } from "../testing/test-studio.ts";
import type { RunList, RunTests } from "./runs.ts";

const files = {
	"my.eval.yaml": `target: agent
tests:
  - id: right
    input: say hello
    assertions: [{ type: contains, value: hello }, { type: llm-grader, name: kind, prompt: "Is {{ output }} kind?" }]
  - id: unclear
    input: say hello
    assertions:
      - { type: contains, value: hello }
      - { type: code-grader, name: tool, command: [node, ./broken.mjs] }
  - id: tried
    input: say bye
    repeat: { count: 3, strategy: pass_any }
    assertions: [{ type: contains, value: bye }]
`,
	...judgedPrograms("thinking hard"),
};

const below = (files: Readonly<Record<string, string>>) =>
	Object.fromEntries(Object.entries(files).map(([name, text]) => [`cwd/${name}`, text]));

interface HowItRuns {
	readonly limits?: Pick<RandomProject, "targets" | "bail" | "budgetUsd" | "interruptAfter">;
	readonly into?: string;
}

/** Runs the eval in Studio's directory and returns the run's directory. */
async function runEval({ root, services }: TestStudio, { limits, into }: HowItRuns = {}): Promise<string> {
	const cwd = join(root, "cwd");
	const machine = { env: services.options.env, cwd, version: "1.2.3" };
	const { targets, bail = false, budgetUsd, interruptAfter } = limits ?? {};
	const request = {
		...{ evals: [join(cwd, "my.eval.yaml")], workers: 1, bail },
		...(targets ? { targets } : {}),
		...(budgetUsd === undefined ? {} : { budgetUsd }),
	};
	const stop = new AbortController();
	const where = into === undefined ? {} : { output: into, resume: true };
	let finished = 0;
	let directory = "";
	for await (const event of runEvals(planRun(request, machine), machine, { signal: stop.signal, ...where })) {
		if (event.type === "started") directory = event.runDir;
		if (event.type === "attempt-finished") finished += 1;
		if (finished === interruptAfter) stop.abort();
	}
	services.runs.forget();
	return directory;
}

async function onlyRun(studio: TestStudio): Promise<string> {
	const { items } = await studio.json<RunList>("/api/runs");
	const [run] = items;
	if (!run) throw new Error("there is no run");
	return run.id;
}

describe("the tests of a run", () => {
	it("are listed with their attempts, the target's cost and the cost of judging", async () => {
		const studio = testStudio(below(files));
		await runEval(studio);
		const id = await onlyRun(studio);
		const tests = await studio.json<RunTests>(`/api/runs/${id}/tests`);
		expect(tests).toMatchObject({
			...{ total: 3, counts: { passed: 1, failed: 1, error: 1, not_run: 0 } },
		});
		const [right, unclear, tried] = tests.items;
		expect(right).toMatchObject({ test_id: "right", status: "passed", cost_usd: 0.2, judging_cost_usd: 0.05 });
		expect(unclear).toMatchObject({ status: "error", score: null, error: { stage: "grader" } });
		expect(tried).toMatchObject({
			...{ status: "failed", score: 0, cost_usd: expect.closeTo(0.6), judging_cost_usd: null },
			repeat: { count: 3, strategy: "pass_any" },
			attempts: [1, 2, 3].map((attempt) => ({ attempt, execution_status: "quality_failure", score: 0 })),
		});
		const run = await studio.json<RunResponse>(`/api/runs/${id}`);
		expect(run.summary).toMatchObject({
			...{ passed: 1, failed: 1, errors: 1, planned: 3, cost_usd: expect.closeTo(1) },
			...{ grader_cost_usd: 0.05, grader_token_usage: { input: 30, output: 5 } },
		});
	});

	it("have results with verdicts, times, logs and all attempts", async () => {
		const studio = testStudio(below(files));
		await runEval(studio);
		const id = await onlyRun(studio);
		const { items } = await studio.json<RunTests>(`/api/runs/${id}/tests`);
		const resultOf = (test: string | null | undefined) => studio.json<TestResult>(`/api/runs/${id}/tests/${test}`);
		const unclear = await resultOf(items[1]?.id);
		expect(unclear).toMatchObject({
			...{ execution_status: "execution_error", output: "hello there", judging: null },
			error: { stage: "grader", code: "exit-code" },
			scores: [
				{ name: "contains", verdict: "pass", score: 1 },
				{ name: "tool", verdict: "not_judged", score: null, error: { code: "exit-code" } },
			],
		});
		expect(Object.keys(unclear.timings_ms ?? {})).toEqual(["prepare", "hooks", "target", "grade", "judge"]);
		expect(unclear.logs).toEqual([
			{ stage: "target", name: "agent", text: "thinking hard\n" },
			{ stage: "grade", name: "node ./broken.mjs", text: "fixture is missing\n" },
		]);
		const right = await resultOf(items[0]?.id);
		expect(right.judging).toEqual({ cost_usd: 0.05, token_usage: { input: 30, output: 5 } });
		expect(right.scores[1]?.usage).toMatchObject({ target: "judge", cost_usd: 0.05 });
		const third = await resultOf(items[2]?.attempts[2]?.id);
		expect(third).toMatchObject({ attempt: 3, test: { status: "failed", repeat: { strategy: "pass_any" } } });
		expect(third.test.attempts.map(({ id: one }) => one)).toEqual(items[2]?.attempts.map(({ id: one }) => one));
	});

	it("that were not run are listed, filtered, and distinguished from those not graded", async () => {
		const studio = testStudio(below(files));
		const directory = await runEval(studio);
		const index = join(directory, "index.jsonl");
		const rows = readFileSync(index, "utf8").split("\n").slice(0, 3);
		writeFileSync(index, `${rows.join("\n")}\n`);
		rmSync(join(directory, "summary.json"));
		studio.services.runs.forget();
		const id = await onlyRun(studio);
		const run = await studio.json<RunResponse>(`/api/runs/${id}`);
		expect(run).toMatchObject({ state: "unfinished", summary: { passed: 1, failed: 0, errors: 1, planned: 3 } });
		const left = await studio.json<RunTests>(`/api/runs/${id}/tests?status=not_run`);
		expect(left).toMatchObject({
			...{ total: 1, counts: { passed: 1, failed: 0, error: 1, not_run: 1 } },
			items: [{ test_id: "tried", status: "not_run", score: null, attempts: [{ attempt: 1 }] }],
		});
	});

	it("name the run that theirs is based on", async () => {
		const studio = testStudio(below(files));
		const directory = await runEval(studio);
		const first = await onlyRun(studio);
		const cwd = join(studio.root, "cwd");
		const machine = { env: studio.services.options.env, cwd, version: "1.2.3" };
		const request = { evals: [join(cwd, "my.eval.yaml")], rerunFailed: directory, experiment: "again" };
		for await (const _ of runEvals(planRun(request, machine), machine, { signal: new AbortController().signal }));
		studio.services.runs.forget();
		const { items } = await studio.json<RunList>("/api/runs?experiment=again");
		const again = await studio.json<RunResponse>(`/api/runs/${items[0]?.id}`);
		expect(again.provenance.origin).toMatchObject({ kind: "rerun_failed", path: directory });
		expect(again.origin_run).toBe(first);
	});
});

async function expectAgreement(studio: TestStudio, summary: RunSummary): Promise<void> {
	const id = await onlyRun(studio);
	const { planned, passed, failed, errors, costUsd, graderCostUsd, graderTokenUsage } = summary;
	const left = testsNotRun(summary);
	const run = await studio.json<RunResponse>(`/api/runs/${id}`);
	expect(run.summary).toMatchObject({
		...{ planned, passed, failed, errors },
		cost_usd: costUsd === null ? null : expect.closeTo(costUsd),
	});
	expect(run.summary.grader_cost_usd).toEqual(graderCostUsd === undefined ? undefined : expect.closeTo(graderCostUsd));
	expect(run.summary.grader_token_usage).toEqual(graderTokenUsage);
	const tests = await studio.json<RunTests>(`/api/runs/${id}/tests?page_size=200`);
	expect(tests).toMatchObject({
		...{ total: planned, counts: { passed, failed, error: errors, not_run: left } },
	});
	for (const [status, number] of Object.entries(tests.counts)) {
		const chosen = await studio.json<RunTests>(`/api/runs/${id}/tests?status=${status}`);
		expect(chosen.total, status).toBe(number);
	}
	const judging = tests.items.reduce((sum, { judging_cost_usd: usd }) => sum + (usd ?? 0), 0);
	expect(judging).toBeCloseTo(graderCostUsd ?? 0);
	const { series } = await studio.json<RunHistory>("/api/runs/history");
	const points = series.flatMap(({ points: all }) => all);
	expect(points.reduce((sum, { tests: number }) => sum + number, 0)).toBe(passed + failed);
	expect(points.reduce((sum, { pass_rate: rate, tests: number }) => sum + rate * number, 0)).toBeCloseTo(passed);
}

it("the test counts and costs of every response agree with the run's summary", async () => {
	await fc.assert(
		fc.asyncProperty(randomProjects, async (project) => {
			const studio = testStudio(below(project.files));
			const directory = await runEval(studio, { limits: project });
			if (project.continuation !== "nothing")
				await runEval(studio, { into: directory, limits: { ...noLimits, targets: project.targets } });
			const summary = readSummary(directory);
			if (!summary) throw new Error("the run wrote no summary");
			await expectAgreement(studio, summary);
			// Without a summary, the live view counts the rows.
			rmSync(join(directory, "summary.json"));
			studio.services.runs.forget();
			await expectAgreement(studio, summary);
		}),
		law(60),
	);
});

const noLimits = { bail: false, budgetUsd: undefined, interruptAfter: undefined };
