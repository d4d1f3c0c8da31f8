import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CompareResponse } from "../compare.ts";
import { type TestStudio, testStudio } from "../testing/test-studio.ts";

const fingerprint = { test: "t", graders: "g", workspace: "w", hooks: "h", target: "x" };

interface Row {
	readonly test_id: string;
	readonly score: number;
	readonly target?: string;
	readonly attempt?: number;
	readonly fingerprint?: object;
}

const runs = "cwd/.agentv/results/runs/default";

/** Returns the files of a recorded run, whose id in Studio is `default~<time>`. */
function runFiles(time: string, rows: readonly Row[]): Record<string, string> {
	const lines = rows.map((row) =>
		JSON.stringify({
			...{ timestamp: "2026-01-01T00:00:00Z", eval: "evals/support/refunds.eval.yaml", target: "quick", attempt: 1 },
			...{ threshold: 0.8, execution_status: row.score < 0.8 ? "quality_failure" : "ok", scores: [], duration_ms: 1 },
			...{ metadata: {}, fingerprint, file: `tests/${row.test_id}/1.json` },
			...row,
		}),
	);
	const planned = rows.map(({ test_id, target = "quick" }) => [0, test_id, target]);
	const run = {
		...{ format_version: 1, run_id: time, experiment: "default", started_at: "2026-01-01T00:00:00Z", planned },
		...{ agentv_version: "1", node_version: "v20", targets: [], flags: {} },
		evals: [{ file: "evals/support/refunds.eval.yaml", path: "/x", name: "refunds", digest: "0" }],
	};
	const sums = { planned: rows.length, passed: rows.length, failed: 0, errors: 0, mean_score: 1, duration_ms: 1 };
	return {
		[`${runs}/${time}/run.json`]: JSON.stringify(run),
		[`${runs}/${time}/index.jsonl`]: lines.map((line) => `${line}\n`).join(""),
		[`${runs}/${time}/summary.json`]: JSON.stringify({ ...sums, token_usage: null, cost_usd: null }),
	};
}

const [first, second, third] = ["2026-01-01T00-00-00Z", "2026-01-02T00-00-00Z", "2026-01-03T00-00-00Z"] as const;

function compare(studio: TestStudio, search = "", times: readonly string[] = [first, second]) {
	const path = `/api/runs/compare?${times.map((time) => `run=default~${time}`).join("&")}${search}`;
	return studio.json<CompareResponse>(path);
}

const ids = (answer: CompareResponse) => answer.comparisons[0]?.cases.items.map(({ test_id }) => test_id);

describe("GET /api/runs/compare", () => {
	it("responds with at most 200 KB for two runs of 1,000 tests, for every part and page", async () => {
		const rows = Array.from({ length: 1000 }, (_, index) => ({
			test_id: `a-test-whose-id-somebody-derived-from-the-title-of-an-issue-${index}`,
			score: index % 3 === 0 ? 0.123456789 : 1,
		}));
		const changed = rows.map((row, index) => ({
			...{ ...row, score: (index * 7) % 5 === 0 ? 0.987654321 : 0.1 },
			...(index % 2 === 0 ? { fingerprint: { test: "u", graders: "v", workspace: "y", hooks: "z", target: "a" } } : {}),
		}));
		const studio = testStudio({ ...runFiles(first, rows), ...runFiles(second, changed) });
		for (const part of ["comparable", "changed", "new"]) {
			const path = `/api/runs/compare?run=default~${first}&run=default~${second}&part=${part}&page_size=200`;
			const text = await (await studio.request(path)).text();
			expect(text.length).toBeLessThanOrEqual(200_000);
			const counts = { comparable: 500, changed: 500, new: 0, gone: 0, errors: 0 };
			expect(JSON.parse(text)).toMatchObject({ comparisons: [{ counts }] });
		}
	});

	it("sorts by the size of the change, or by another column", async () => {
		const before = [0.5, 0.5, 0.5, 0.5].map((score, index) => ({ test_id: `t${index}`, score }));
		const after = [0.5, 0.6, 0.1, 1].map((score, index) => ({ test_id: `t${index}`, score }));
		const studio = testStudio({ ...runFiles(first, before), ...runFiles(second, after) });
		expect(ids(await compare(studio))).toEqual(["t3", "t2", "t1", "t0"]);
		expect(ids(await compare(studio, "&sort=test"))).toEqual(["t0", "t1", "t2", "t3"]);
		expect(ids(await compare(studio, "&sort=delta"))).toEqual(["t2", "t0", "t1", "t3"]);
		expect(ids(await compare(studio, "&sort=after&descending=true"))).toEqual(["t3", "t1", "t0", "t2"]);
		expect(ids(await compare(studio, "&search=T2"))).toEqual(["t2"]);
		const { comparisons } = await compare(studio);
		expect(comparisons).toMatchObject([{ moved: { up: 2, down: 1 }, difference: { before: 0.5, after: 0.55 } }]);
	});

	it("filters changed tests by their changed parts", async () => {
		const rows = ["a", "b", "c", "d"].map((test_id) => ({ test_id, score: 1 }));
		const { target: _, ...torn } = fingerprint;
		const prints = [fingerprint, { ...fingerprint, graders: "1" }, { ...fingerprint, graders: "1", hooks: "1" }, torn];
		const after = rows.map((row, index) => ({ ...row, fingerprint: prints[index] ?? {} }));
		const studio = testStudio({ ...runFiles(first, rows), ...runFiles(second, after) });
		// A fingerprint without one of its parts is invalid.
		expect((await compare(studio)).comparisons).toMatchObject([
			{ changed_parts: { graders: 2, hooks: 1, unknown: 1 } },
		]);
		const part = (differing: string) => compare(studio, `&part=changed&sort=test&differing=${differing}`).then(ids);
		expect(await part("graders")).toEqual(["b", "c"]);
		expect(await part("hooks")).toEqual(["c"]);
		expect(await part("unknown")).toEqual(["d"]);
		expect((await studio.request(`/api/runs/compare?run=a&run=b&differing=odd`)).status).toBe(400);
	});

	it("links to all attempts of both runs, even if their targets have different names", async () => {
		const other = { fingerprint: { ...fingerprint, target: "y" }, target: "other" };
		const studio = testStudio({
			...runFiles(first, [{ test_id: "t", score: 1 }]),
			...runFiles(second, [
				{ test_id: "t", score: 1, ...other },
				{ test_id: "t", score: 0, ...other, attempt: 2 },
			]),
		});
		const answer = await compare(studio, "&vary=target");
		expect(answer.comparisons).toMatchObject([
			{
				difference: { tests: 1 },
				renamed: [["quick", "other"]],
				cases: { items: [{ before: 1, after: 0.5, delta: -0.5 }] },
			},
		]);
		const [before = [], after = []] = answer.comparisons[0]?.cases.items[0]?.rows ?? [];
		expect([before.length, after.length]).toEqual([1, 2]);
		for (const [time, rows] of [
			[first, before],
			[second, after],
		] as const)
			for (const row of rows) expect((await studio.request(`/api/runs/default~${time}/tests/${row}`)).status).toBe(200);
	});

	it("compares several runs with the first, and reports unfinished runs and invalid lines", async () => {
		const rows = [{ test_id: "t", score: 1 }];
		const studio = testStudio(Object.assign({}, ...[first, second, third].map((time) => runFiles(time, rows))));
		rmSync(join(studio.root, runs, second, "summary.json"));
		appendFileSync(join(studio.root, runs, third, "index.jsonl"), "nonsense\n");
		const answer = await compare(studio, "", [first, second, third]);
		expect(answer.runs).toMatchObject([
			{ state: "finished", planned: 1, results: 1, bad_lines: 0 },
			{ state: "unfinished" },
			{ state: "finished", bad_lines: 1 },
		]);
		expect(answer.comparisons.map(({ before, after }) => [before, after])).toEqual([
			[`default~${first}`, `default~${second}`],
			[`default~${first}`, `default~${third}`],
		]);
		const twice = await studio.request(`/api/runs/compare?run=default~${first}&run=default~${first}`);
		expect([twice.status, await twice.text()]).toEqual([400, expect.stringContaining("a run is specified twice")]);
	});

	it("reads a run again after it has grown", async () => {
		const studio = testStudio({
			...runFiles(first, [{ test_id: "t", score: 1 }]),
			...runFiles(second, [{ test_id: "t", score: 1 }]),
		});
		expect((await compare(studio)).comparisons).toMatchObject([{ difference: { tests: 1 }, counts: { new: 0 } }]);
		const two = ["t", "u"].map((test_id) => ({ test_id, score: 0 }));
		studio.write(runFiles(second, two));
		expect((await compare(studio)).comparisons).toMatchObject([
			{ difference: { tests: 1, mean: -1 }, counts: { new: 1 } },
		]);
	});
});
