import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { readRecordText } from "../eval/run-digest.ts";
import { lastRunOf, listRuns, readRun, resolveRun } from "./read-run.ts";

const summary = {
	planned: 1,
	passed: 1,
	failed: 0,
	errors: 0,
	mean_score: 1,
	duration_ms: 5,
	token_usage: null,
	cost_usd: null,
};

function row(testId: string, more: object = {}) {
	return {
		...{
			timestamp: "2026-01-01T00:00:00Z",
			test_id: testId,
			eval: "a.eval.yaml",
			target: "default",
			attempt: 1,
			score: 1,
		},
		...{ threshold: 0.8, execution_status: "ok", scores: [], duration_ms: 1, metadata: {} },
		...more,
	};
}

/** Creates a project with a run for each `[experiment, time, has ended]`. */
function project(runs: readonly (readonly [experiment: string, time: string, ended: boolean])[]) {
	const cwd = tempTree();
	for (const [experiment, time, ended] of runs) {
		const directory = join(cwd, ".agentv/results/runs", experiment, time);
		mkdirSync(join(directory, "tests/one"), { recursive: true });
		writeFileSync(
			join(directory, "run.json"),
			JSON.stringify({
				...{ format_version: 1, run_id: time, experiment, started_at: "2026-01-01T00:00:00Z", agentv_version: "1" },
				...{ node_version: "v20", targets: [{ name: "default", provider: "mock", settings: {}, via: [] }], flags: {} },
				evals: [{ file: "a.eval.yaml", path: join(cwd, `${experiment}.eval.yaml`), name: "a", digest: "0" }],
				planned: [[0, "one", "default"]],
			}),
		);
		writeFileSync(
			join(directory, "index.jsonl"),
			`${JSON.stringify(row("one", { file: "tests/one/1.json" }))}\n{"torn`,
		);
		writeFileSync(
			join(directory, "tests/one/1.json"),
			JSON.stringify({ output: "hi", file_changes_path: "tests/one/1.diff" }),
		);
		writeFileSync(join(directory, "tests/one/1.diff"), "diff --git");
		if (ended) writeFileSync(join(directory, "summary.json"), JSON.stringify(summary));
	}
	return { cwd, env: { ...gitTestEnvironment, HOME: cwd, AGENTV_HOME: join(cwd, ".home") } };
}

const three = [
	["default", "2026-01-01T00-00-00Z", true],
	["nightly", "2026-01-03T00-00-00Z", false],
	["default", "2026-01-02T00-00-00Z", true],
] as const;

describe("finding runs", () => {
	test("lists the newest first, in pages", () => {
		const machine = project(three);
		expect(listRuns(machine).runs.map(({ id, state }) => [id, state])).toEqual([
			["nightly/2026-01-03T00-00-00Z", "unfinished"],
			["default/2026-01-02T00-00-00Z", "finished"],
			["default/2026-01-01T00-00-00Z", "finished"],
		]);
		expect(listRuns(machine, { offset: 1, limit: 1 })).toMatchObject({
			total: 3,
			runs: [{ id: "default/2026-01-02T00-00-00Z" }],
		});
		expect(listRuns(machine, { experiment: "nightly" })).toMatchObject({ total: 1, runs: [{ planned: 1 }] });
	});

	test("lists unreadable runs", () => {
		const machine = project(three);
		writeFileSync(join(machine.cwd, ".agentv/results/runs/default/2026-01-02T00-00-00Z/run.json"), "{");
		expect(listRuns(machine).runs.map(({ state }) => state)).toEqual(["unfinished", "unreadable", "finished"]);
	});

	test("accepts the names latest, experiment/time, and a directory", () => {
		const machine = project(three);
		const runs = join(machine.cwd, ".agentv/results/runs");
		expect(resolveRun("latest", machine)).toBe(join(runs, "nightly/2026-01-03T00-00-00Z"));
		expect(resolveRun("default/2026-01-01T00-00-00Z", machine)).toBe(join(runs, "default/2026-01-01T00-00-00Z"));
		expect(resolveRun(".agentv/results/runs/default/2026-01-01T00-00-00Z", machine)).toBe(
			join(runs, "default/2026-01-01T00-00-00Z"),
		);
		expect(() => resolveRun("default/2026-01-01T00-00-00", machine)).toThrow(/^no run /);
		expect(() => resolveRun("latest", project([]))).toThrow("no runs yet");
	});

	test("finds the last run of an eval", () => {
		const machine = project(three);
		expect(lastRunOf([join(machine.cwd, "default.eval.yaml")], machine)).toMatch(/2026-01-02/);
		expect(lastRunOf([join(machine.cwd, "other.eval.yaml")], machine)).toBeUndefined();
	});
});

describe("reading a run", () => {
	test("returns its rows, except a truncated last line", () => {
		const machine = project(three);
		const run = readRun(resolveRun("latest", machine));
		expect(run.rows).toMatchObject([{ testId: "one", executionStatus: "ok" }]);
		expect(run.summary).toBeUndefined();
	});

	test("returns no files outside of its directory", () => {
		const directory = resolveRun("latest", project(three));
		symlinkSync("/etc", join(directory, "tests/etc"));
		for (const path of ["../../../../../../etc/passwd", "/etc/passwd/../../etc/passwd", "tests/etc/passwd"])
			expect(() => readRecordText(directory, path)).toThrow();
	});
});

test("reads only the runs of the requested page", () => {
	const machine = project(three);
	const runs = join(machine.cwd, ".agentv/results/runs/many");
	for (let index = 0; index < 300; index++) {
		const directory = join(runs, new Date(1.7e12 + index * 1000).toISOString().replaceAll(":", "-"));
		mkdirSync(directory, { recursive: true });
		// Each of these would be reported as unreadable if it were opened.
		writeFileSync(join(directory, "run.json"), "{");
	}
	expect(listRuns(machine, { limit: 3 })).toMatchObject({ total: 303, runs: [{}, {}, { state: "finished" }] });
});
