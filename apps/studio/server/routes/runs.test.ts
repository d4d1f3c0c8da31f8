import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CompareResponse } from "../compare.ts";
import type { EvalAnswer, EvalListAnswer } from "../describe-eval.ts";
import type { RunPlanAnswer } from "../plans.ts";
import type { RunHistory, RunJobEvent, RunResponse } from "../run-responses.ts";
import type { TestResult } from "../test-responses.ts";
import { type TestStudio, testStudio } from "../testing/test-studio.ts";
import type { RunList, RunTests } from "./runs.ts";

const files = {
	"cwd/sums.eval.yaml": `name: sums
target: quick
assertions: [{type: contains, value: "4"}]
tests:
  - {id: right, input: "2 + 2?", expected_output: "4"}
  - {id: wrong, input: "2 + 3?", expected_output: "5"}
`,
	"cwd/targets.yaml": `targets:
  - {name: quick, provider: mock, responses: {right: "It is 4", wrong: "**no** idea"}}
  - {name: slow, provider: cli, command: [node, slow.mjs, "{PROMPT}"]}
`,
	"cwd/slow.mjs": `import { writeFileSync } from "node:fs";
writeFileSync("pid", String(process.pid));
setTimeout(() => console.log("4"), 60_000);
`,
};

async function firstEval(studio: TestStudio, search = ""): Promise<string> {
	const list = await studio.json<EvalListAnswer>(`/api/evals${search}`);
	const [entry] = list.items;
	if (!entry) throw new Error("there is no eval");
	return entry.id;
}

const start = (studio: TestStudio, id: string, body: unknown = {}) =>
	studio.json<{ job: string }>(`/api/evals/${id}/run`, { body });

/** Runs the only eval until it has finished. */
async function runOnce(studio: TestStudio, body: unknown = {}) {
	const { job } = await start(studio, await firstEval(studio), body);
	const events = (await studio.events(`/api/jobs/${job}/events`)) as RunJobEvent[];
	const started = events.find((event) => event.type === "started");
	return { job, events, run: started?.type === "started" ? started.run : "" };
}

describe("a run", () => {
	it("sends live events and is then listed with its tests, results and history", async () => {
		const studio = testStudio(files);
		const { events, run, job } = await runOnce(studio);
		expect(events.map(({ type }) => type)).toEqual(
			expect.arrayContaining(["started", "attempt_started", "attempt_finished", "case_finished", "outcome"]),
		);
		expect(events.at(-2)).toMatchObject({
			type: "outcome",
			run,
			outcome: "complete",
			summary: { planned: 2, passed: 1, failed: 1, errors: 0 },
		});
		expect(events.at(-1)).toMatchObject({ type: "job", job: { id: job, kind: "run", state: "done" } });

		const list = await studio.json<RunList>("/api/runs");
		expect(list).toMatchObject({ total: 1, experiments: ["default"], targets: ["quick"], benchmarks: [] });
		expect(list.items[0]).toMatchObject({
			id: run,
			state: "finished",
			evals: [{ file: "sums.eval.yaml", name: "sums" }],
			targets: ["quick"],
			job: null,
			problem: null,
		});
		const one = await studio.json<RunResponse>(`/api/runs/${run}`);
		expect(one).toMatchObject({ eval_id: await firstEval(studio), resumable: false });
		expect(one.provenance.evals).toMatchObject([
			{ file: "sums.eval.yaml", name: "sums", digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
		]);

		const rows = await studio.json<RunTests>(`/api/runs/${run}/tests?sort=test`);
		expect(rows.counts).toEqual({ passed: 1, failed: 1, error: 0, not_run: 0 });
		expect(rows.items.map(({ test_id, status, score }) => [test_id, status, score])).toEqual([
			["right", "passed", 1],
			["wrong", "failed", 0],
		]);
		const failed = await studio.json<RunTests>(`/api/runs/${run}/tests?status=failed&search=WRO`);
		expect(failed.items.map(({ test_id }) => test_id)).toEqual(["wrong"]);
		const result = await studio.json<TestResult>(`/api/runs/${run}/tests/${failed.items[0]?.id}`);
		expect(result).toMatchObject({
			test_id: "wrong",
			input: [{ role: "user", content: "2 + 3?" }],
			output: "**no** idea",
			expected_output: "5",
			recorded: true,
			scores: [{ type: "contains", verdict: "fail", score: 0 }],
		});

		const { series } = await studio.json<RunHistory>("/api/runs/history?eval=sums");
		expect(series).toEqual([
			{
				eval: "sums.eval.yaml",
				target: "quick",
				points: [
					{ run, started_at: expect.any(String), pass_rate: 0.5, pass_rate_lower_bound: 0.5, tests: 2, errors: 0 },
				],
			},
		]);
		const shown = await studio.json<EvalAnswer>(`/api/evals/${await firstEval(studio)}`);
		expect(shown.last_result).toMatchObject({ run, passed: 1, failed: 1 });
	});

	it("is the only job of its eval, can be cancelled, and can be resumed", async () => {
		const studio = testStudio(files);
		const id = await firstEval(studio);
		const { job } = await start(studio, id, { targets: ["slow"], workers: 1 });
		const second = await studio.request(`/api/evals/${id}/run`, { body: {} });
		expect(second.status).toBe(409);
		expect(await second.json()).toMatchObject({ error: { details: { job } } });
		expect((await studio.json<EvalListAnswer>("/api/evals")).items[0]?.job).toBe(job);
		let seen: RunList | undefined;
		while (seen?.items[0]?.state !== "under way") {
			await new Promise((resolve) => setTimeout(resolve, 50));
			studio.services.runs.forget();
			seen = await studio.json<RunList>("/api/runs");
		}
		const run = seen.items[0].id;
		expect(seen.items[0].job).toBe(job);
		expect((await studio.request(`/api/runs/${run}/resume`, { body: {} })).status).toBe(409);
		await studio.json(`/api/jobs/${job}/cancel`, { body: {} });
		const events = await studio.events(`/api/jobs/${job}/events`);
		expect(events.at(-1)).toMatchObject({ job: { state: "cancelled" } });

		studio.write({ "cwd/slow.mjs": "console.log('it is 4');\n" });
		studio.services.runs.forget();
		expect(await studio.json<RunResponse>(`/api/runs/${run}`)).toMatchObject({ state: "unfinished", resumable: true });
		const resumed = await studio.json<{ job: string }>(`/api/runs/${run}/resume`, { body: {} });
		const after = await studio.events(`/api/jobs/${resumed.job}/events`);
		expect(after.at(-2)).toMatchObject({ type: "outcome", run, summary: { planned: 2, passed: 2 } });
		expect((await studio.request(`/api/runs/${run}/resume`, { body: {} })).status).toBe(409);
	});
});

it("a run whose inputs have changed can only be resumed by running the affected tests again", async () => {
	const studio = testStudio(files);
	const { run } = await runOnce(studio);
	const { directory } = await studio.json<RunResponse>(`/api/runs/${run}`);
	const index = join(directory, "index.jsonl");
	const [first] = readFileSync(index, "utf8").split("\n");
	writeFileSync(index, `${first}\n`);
	rmSync(join(directory, "summary.json"));
	studio.write({ "cwd/targets.yaml": files["cwd/targets.yaml"].replace("It is 4", "It's 4") });
	studio.services.runs.forget();
	const refused = await studio.request(`/api/runs/${run}/resume`, { body: {} });
	expect(refused.status).toBe(422);
	expect(await refused.json()).toMatchObject({
		error: {
			message: expect.stringContaining('target "quick": responses'),
			hint: expect.stringContaining("--rerun-changed"),
		},
	});
	const resumed = await studio.json<{ job: string }>(`/api/runs/${run}/resume`, { body: { rerun_changed: true } });
	const after = (await studio.events(`/api/jobs/${resumed.job}/events`)) as RunJobEvent[];
	expect(after.filter(({ type }) => type === "attempt_finished")).toHaveLength(2);
});

it.each([["targetsFile"], ["envFile"]])("a run whose record names a foreign %s can't be resumed", async (flag) => {
	const studio = testStudio({
		...files,
		"elsewhere/file": 'targets: [{name: quick, provider: cli, command: "touch ran"}]',
	});
	const { run } = await runOnce(studio);
	const { directory } = await studio.json<RunResponse>(`/api/runs/${run}`);
	writeFileSync(join(directory, "index.jsonl"), "");
	rmSync(join(directory, "summary.json"));
	const record = JSON.parse(readFileSync(join(directory, "run.json"), "utf8"));
	writeFileSync(join(directory, "file"), "A=b");
	for (const path of [join(studio.root, "elsewhere/file"), join(directory, "file"), 7]) {
		record.flags[flag] = path;
		writeFileSync(join(directory, "run.json"), JSON.stringify(record));
		studio.services.runs.forget();
		const refused = await studio.request(`/api/runs/${run}/resume`, { body: {} });
		expect(refused.status, String(path)).toBeGreaterThanOrEqual(400);
		expect(refused.status).toBeLessThan(500);
	}
});

describe("comparing two runs", () => {
	it("shows the comparable tests, and changed tests separately", async () => {
		const studio = testStudio(files);
		const first = await runOnce(studio);
		studio.write({ "cwd/sums.eval.yaml": files["cwd/sums.eval.yaml"].replace("2 + 3?", "3 + 3?") });
		const second = await runOnce(studio);
		const path = `/api/runs/compare?run=${first.run}&run=${second.run}`;
		const answer = await studio.json<CompareResponse>(path);
		expect(answer.runs.map(({ id }) => id)).toEqual([first.run, second.run]);
		expect(answer.comparisons).toEqual([
			expect.objectContaining({
				difference: expect.objectContaining({ tests: 1 }),
				counts: { comparable: 1, changed: 1, new: 0, gone: 0, errors: 0 },
			}),
		]);
		expect(answer.comparisons[0]?.cases.items).toEqual([
			expect.objectContaining({ test_id: "right", before: 1, after: 1, delta: 0 }),
		]);
		const changed = await studio.json<CompareResponse>(`${path}&part=changed`);
		expect(changed.comparisons[0]?.cases.items).toEqual([
			expect.objectContaining({ test_id: "wrong", parts: ["test"] }),
		]);
		const row = answer.comparisons[0]?.cases.items[0]?.rows[0][0];
		expect((await studio.request(`/api/runs/${first.run}/tests/${row}`)).status).toBe(200);
	});

	it.each(["run=a", "run=a&run=b&part=odd", "run=a&run=b&vary=odd", ""])("refuses ?%s", async (search) => {
		expect((await testStudio().request(`/api/runs/compare?${search}`)).status).toBe(400);
	});

	it("returns 404 if one of them does not exist", async () => {
		expect((await testStudio().request("/api/runs/compare?run=a&run=b")).status).toBe(404);
	});
});

describe("an eval of others", () => {
	const foreign = {
		"team/.git/HEAD": "ref: refs/heads/main\n",
		"team/a.eval.yaml": `target: {provider: openai, model: m, api_key: "\${{ MY_API_KEY }}", base_url: "https://llm.example/v1"}
hooks: {before_each: {command: [node, hook.mjs]}}
extensions: ["file://ext.mjs:beforeAll"]
tests: [{id: a, input: hi, expected_output: hi, assertions: [{type: code-grader, name: check, command: ./check.sh}]}]
`,
		"team/hook.mjs": "",
		"team/ext.mjs": "export function beforeAll() {}\n",
		"team/check.sh": "exit 0\n",
		"home/benchmarks.yaml": "benchmarks: [{id: team, path: ../team, source: {url: https://git.example/a.git}}]\n",
	};

	it("shows its commands and which host gets which key, and runs only as reviewed", async () => {
		const studio = testStudio(foreign, { env: { MY_API_KEY: "key-0123456789" } });
		const id = await firstEval(studio, "?benchmark=team");
		const text = await (await studio.request(`/api/evals/${id}/run/plan`)).text();
		expect(text).not.toContain("key-0123456789");
		const plan = JSON.parse(text) as RunPlanAnswer;
		expect(plan).toMatchObject({ foreign: true, tests: 1, problems: [] });
		expect(plan.commands.map(({ kind, name, command }) => [kind, name, command])).toEqual([
			["extension", "beforeAll", "ext.mjs"],
			["hook", "before_each", "node hook.mjs"],
			["grader", "check", "./check.sh"],
		]);
		expect(plan.targets).toEqual([
			expect.objectContaining({ host: "llm.example", keys: [{ name: "MY_API_KEY", set: true }], literal_key: false }),
		]);
		const unseen = await studio.request(`/api/evals/${id}/run`, { body: {} });
		expect([unseen.status, await unseen.text()]).toEqual([409, expect.stringContaining("was not confirmed")]);
		studio.write({ "team/hook.mjs": "// another one\n" });
		const changed = await studio.request(`/api/evals/${id}/run`, { body: { digest: plan.digest } });
		expect([changed.status, await changed.text()]).toEqual([409, expect.stringContaining("has changed")]);
	});
});

describe("invalid requests", () => {
	it.each(["none", "default~2026", "..%2F..", "..~..~etc", "%2e%2e~x"])("return 404 for the run %s", async (id) => {
		const studio = testStudio(files);
		for (const path of ["", "/tests", "/tests/x"])
			expect((await studio.request(`/api/runs/${id}${path}`)).status).toBe(404);
		expect((await studio.request(`/api/runs/${id}/resume`, { body: {} })).status).toBe(404);
	});

	it.each(["sort=odd", "page=-1", "page_size=1000", "status=fine", "descending=maybe"])(
		"refuse ?%s",
		async (search) => {
			const studio = testStudio(files);
			const { run } = await runOnce(studio);
			expect((await studio.request(`/api/runs/${run}/tests?${search}`)).status).toBe(400);
			expect((await studio.request(`/api/runs/${run}/tests/none`)).status).toBe(404);
		},
	);

	it.each([{ repeat: 0 }, { workers: "2" }, { targets: "quick" }, { targets: ["unknown"] }])(
		"can't start a run with %j",
		async (body) => {
			const studio = testStudio(files);
			const answer = await studio.request(`/api/evals/${await firstEval(studio)}/run`, { body });
			expect([400, 422]).toContain(answer.status);
		},
	);
});

describe("manipulated records", () => {
	it("can't expose files outside the run's directory, and are shown as far as possible", async () => {
		const studio = testStudio({ ...files, "cwd/secret.txt": "outside" });
		const { run } = await runOnce(studio);
		const { items } = await studio.json<RunTests>(`/api/runs/${run}/tests`);
		const { directory } = await studio.json<RunResponse>(`/api/runs/${run}`);
		const inside = directory.slice(studio.root.length + 1);
		const row = (file: string) =>
			`${JSON.stringify({ test_id: "x", eval: "e", target: "t", attempt: 1, score: 1, threshold: 1, execution_status: "ok", scores: [], duration_ms: 1, metadata: {}, timestamp: "", file })}\n`;
		studio.write({ [join(inside, "index.jsonl")]: row("../../../../../secret.txt") });
		const [only] = (await studio.json<RunTests>(`/api/runs/${run}/tests`)).items;
		expect((await studio.request(`/api/runs/${run}/tests/${only?.id}`)).status).toBe(409);
		studio.write({ [join(inside, "index.jsonl")]: `${row("tests/gone.json")}{"torn` });
		expect(await studio.json(`/api/runs/${run}/tests/${only?.id}`)).toMatchObject({ recorded: false, output: null });
		studio.write({ [join(inside, "run.json")]: "{}" });
		studio.services.runs.forget();
		expect((await studio.json<RunList>("/api/runs")).items[0]?.problem).toMatch(/is not a valid run record/);
		expect(items.length).toBe(2);
	});
});

it("a read-only Studio can't start or resume a run", async () => {
	const studio = testStudio(files, { readOnly: true });
	const id = await firstEval(studio);
	expect((await studio.request(`/api/evals/${id}/run`, { body: {} })).status).toBe(404);
	expect((await studio.request("/api/runs/x/resume", { body: {} })).status).toBe(404);
	expect((await studio.request(`/api/evals/${id}/run/plan`)).status).toBe(200);
});
