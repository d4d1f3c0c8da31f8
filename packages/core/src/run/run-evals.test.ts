import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { mockTargets, runTree } from "./testing/run-fixture.ts";

const contains = (value: string) => `assertions: [{type: contains, value: ${value}}]`;

describe("a run", () => {
	test("grades each test against its target and records it", async () => {
		const run = await runTree(
			{
				"my.eval.yaml": `tests:\n  - {id: good, input: hi, ${contains("hello")}}\n  - {id: bad, input: hi, ${contains("bye")}}\n`,
				"targets.yaml": mockTargets("hello there"),
			},
			{ workers: 1 },
		);
		expect(run.row("good")).toMatchObject({ executionStatus: "ok", score: 1, target: "default", eval: "my.eval.yaml" });
		expect(run.row("bad")).toMatchObject({ executionStatus: "quality_failure", score: 0, threshold: 0.8 });
		expect(run.summary).toMatchObject({ planned: 2, passed: 1, failed: 1, errors: 0, meanScore: 0.5 });
		expect(run.events.map(({ type }) => type)).toEqual([
			"started",
			...["attempt-started", "attempt-finished", "case-finished"],
			...["attempt-started", "attempt-finished", "case-finished"],
			"done",
		]);
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("good").file ?? ""), "utf8"));
		expect(detail).toMatchObject({ test_id: "good", input: "hi", output: "hello there", file_changes_path: null });
		expect(JSON.parse(readFileSync(join(run.runDir, "summary.json"), "utf8"))).toMatchObject({ mean_score: 0.5 });
	});

	test("is stored in .agentv/results/runs and leaves the repository clean", async () => {
		const run = await runTree({
			"my.eval.yaml": `experiment: nightly\ntests:\n  - {id: good, input: hi, ${contains("hello")}}\n`,
			"targets.yaml": mockTargets("hello"),
		});
		expect(run.runDir).toMatch(/\/\.agentv\/results\/runs\/nightly\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
		expect(readFileSync(join(run.root, ".agentv/results/.gitignore"), "utf8")).toBe("*\n");
	});

	test("runs against each target, in order", async () => {
		const run = await runTree(
			{
				"my.eval.yaml": `tests:\n  - {id: one, input: hi, ${contains("a")}}\n`,
				"targets.yaml":
					"targets:\n  - {name: a, provider: mock, response: a}\n  - {name: b, provider: mock, response: b}\n",
			},
			{ targets: ["a", "b"] },
		);
		expect(run.rows.map(({ target, executionStatus }) => [target, executionStatus])).toEqual([
			["a", "ok"],
			["b", "quality_failure"],
		]);
	});

	test("never uses an id as a path", async () => {
		const ids = ["../../../x", "a/b", "..", "con", "é", "x".repeat(400), "A", "a", "\u0007"];
		const tests = ids.map((id) => `  - {id: ${JSON.stringify(id)}, input: hi, ${contains("a")}}`).join("\n");
		const run = await runTree({ "my.eval.yaml": `tests:\n${tests}\n`, "targets.yaml": mockTargets("a") });
		expect(run.summary.passed).toBe(ids.length);
		for (const { file } of run.rows) expect(file).toMatch(/^tests\/[a-z0-9-]{1,90}\/1\.json$/);
		expect(new Set(run.rows.map(({ file }) => file)).size).toBe(ids.length);
	});

	test("does not start if a test can't be loaded", async () => {
		const files = {
			"my.eval.yaml": `tests:\n  - {id: good, input: hi, ${contains("a")}}\n  - {id: bad, input: hi, assertions: [{type: contians, value: a}]}\n`,
			"targets.yaml": mockTargets("a"),
		};
		await expect(runTree(files)).rejects.toMatchObject({
			code: "config",
			diagnostics: expect.arrayContaining([expect.objectContaining({ rule: "assertions.unknown-type" })]),
		});
	});

	test("ignores an unset variable that no chosen test or target uses", async () => {
		const files = {
			"my.eval.yaml": `description: by \${{ UNUSED }}\ntests:\n  - {id: one, input: hi, ${contains("a")}}\n  - {id: two, input: "\${{ MISSING }}", ${contains("a")}}\n`,
			"targets.yaml": `${mockTargets("a")}  - {name: other, provider: mock, response: "\${{ OTHER }}"}\n`,
		};
		expect((await runTree(files, { tests: ["one"] })).summary.passed).toBe(1);
		await expect(runTree(files)).rejects.toMatchObject({
			diagnostics: [{ rule: "env.unset", data: { name: "MISSING" } }],
		});
		await expect(runTree(files, { tests: ["one"], targets: ["other"] })).rejects.toMatchObject({
			diagnostics: [{ rule: "env.unset", data: { name: "OTHER" } }],
		});
	});

	test("redacts secrets in every record", async () => {
		const secret = "correct-horse-battery";
		const run = await runTree(
			{
				"my.eval.yaml": `tests:\n  - {id: one, input: "use \${{ MY_TOKEN }}", metadata: {note: "\${{ MY_TOKEN }}"}, ${contains("zzz")}}\n`,
				"targets.yaml": mockTargets(`the token is ${secret}`),
				".env": `MY_TOKEN=${secret}\n`,
			},
			{ output: join(tempTree(), "out") },
		);
		for (const name of ["index.jsonl", "run.json", run.row("one").file ?? ""])
			expect(readFileSync(join(run.runDir, name), "utf8")).not.toContain(secret);
		expect(JSON.parse(readFileSync(join(run.runDir, run.row("one").file ?? ""), "utf8"))).toMatchObject({
			input: "use ***",
			output: "the token is ***",
		});
	});

	test("redacts secrets in events, even in ids of tests", async () => {
		const secret = "correct-horse-battery";
		const run = await runTree({
			"my.eval.yaml": `tests:\n  - {id: "for \${{ MY_TOKEN }}", input: hi, ${contains("a")}}\n`,
			"targets.yaml": `targets: [{name: default, provider: cli, command: [sh, -c, "echo $MY_TOKEN >&2; exit 3"], max_retries: 1, retry_initial_delay_ms: 1}]\n`,
			".env": `MY_TOKEN=${secret}\n`,
		});
		expect(run.events.map(({ type }) => type)).toContain("retry");
		expect(JSON.stringify(run.events)).not.toContain(secret);
		expect(run.row("for ***").file).toMatch(/^tests\/for-[0-9a-f]{16}\/1\.json$/);
		const resumed = await runTree(run, { output: run.runDir, resume: true });
		expect(resumed.events).toMatchObject([{ type: "started", alreadyDone: 1 }, { type: "done" }]);
	});

	test("stores long outputs next to the attempt file", async () => {
		const run = await runTree({
			"my.eval.yaml": `tests:\n  - {id: long, input: hi, ${contains("xx")}}\n`,
			"targets.yaml": mockTargets("x".repeat(70_000)),
		});
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("long").file ?? ""), "utf8"));
		expect(detail).toMatchObject({ output: null, messages: [{ role: "assistant", content: null }] });
		expect(readFileSync(join(run.runDir, detail.output_path), "utf8")).toHaveLength(70_000);
	});
});

describe("the directory of a run", () => {
	const files = {
		"my.eval.yaml": `tests:\n  - {id: one, input: hi, ${contains("a")}}\n`,
		"targets.yaml": mockTargets("a"),
	};

	test("is refused if it contains a run or other files", async () => {
		const { runDir, root } = await runTree(files, { output: join(tempTree(), "new") });
		await expect(runTree({ root }, { output: runDir })).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("already contains a run"),
		});
		const other = tempTree({ "keep.txt": "mine" });
		await expect(runTree({ root }, { output: other })).rejects.toMatchObject({ code: "config" });
		expect(existsSync(join(other, ".gitignore"))).toBe(false);
	});

	test("is locked by one run at a time", async () => {
		const root = tempTree({
			"my.eval.yaml": files["my.eval.yaml"],
			"targets.yaml": "targets:\n  - {name: default, provider: mock, response: a, delay_ms: 300}\n",
		});
		const output = join(root, "out");
		const [first, second] = await Promise.allSettled([runTree({ root }, { output }), runTree({ root }, { output })]);
		const failed = [first, second].filter(({ status }) => status === "rejected");
		expect(failed).toMatchObject([{ reason: { code: "config" } }]);
	});

	test("is different for each concurrent run", async () => {
		const root = tempTree(files);
		const runs = await Promise.all([runTree({ root }), runTree({ root }), runTree({ root })]);
		expect(new Set(runs.map(({ runDir }) => runDir)).size).toBe(3);
	});
});
