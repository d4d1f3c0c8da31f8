import { appendFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestText } from "../machine/tree-notes.ts";
import { fileTargets, mockTargets, runTree } from "../run/testing/run-fixture.ts";
import { merged, twoShards } from "./testing/merge-fixture.ts";
import {
	byRecords,
	changeOne,
	editAttempt,
	editIndex,
	fileOf,
	isOf,
	recordedRun,
	recordsIn,
	told,
} from "./testing/tampered-run.ts";
import { verifyRun } from "./verify-run.ts";

describe("verifying an unchanged run", () => {
	test("finds no differences for any kind of score", async () => {
		const verified = await verifyRun(await recordedRun());
		expect(verified.differences).toEqual([]);
		expect(verified).toMatchObject({ tests: { planned: 24, finished: 24 }, attempts: 30 });
		expect(verified.graders.notReExecuted).toEqual([{ type: "code-grader", reason: "not-reproducible", graders: 2 }]);
		expect(verified.graders.reExecuted).toBe(72);
	});

	test.each(["mean", "min", "max"])(
		"finds no differences in a conversation that aggregates its turns by %s",
		async (aggregation) => {
			const { runDir, row } = await runTree({
				"my.eval.yaml": `tests:
  - id: held
    mode: conversation
    aggregation: ${aggregation}
    assertions: [{type: contains, value: "[user]"}, {type: latency, threshold: 60000}]
    turns:
      - {input: first, assertions: [{type: equals, value: first}, {type: contains, value: second, weight: 3}]}
      - {input: by the way}
      - {input: last, expected_output: '{"a": 1}', assertions: [{type: contains, value: never, negate: true}]}
  - id: stopped
    mode: conversation
    aggregation: ${aggregation}
    on_turn_failure: stop
    turns:
      - {input: first, assertions: [{type: contains, value: never}]}
      - {input: second, assertions: [{type: contains, value: second}]}
`,
				"targets.yaml": 'targets: [{name: default, provider: cli, command: [cat, "{PROMPT_FILE}"]}]\n',
			});
			expect(row("held").scores).toHaveLength(5);
			expect(await verifyRun(runDir)).toMatchObject({ differences: [], graders: { reExecuted: 6 }, attempts: 2 });
		},
	);

	test("finds no differences if graders report a failure together with a passing score", async () => {
		const states = (reply: object) =>
			`[node, -e, ${JSON.stringify(`console.log(${JSON.stringify(JSON.stringify(reply))})`)}]`;
		const failing = states({ pass: false, score: 0.9 });
		const { runDir, row, summary } = await runTree({
			"my.eval.yaml": `tests:
  - {id: alone, input: hi, assertions: [{name: g, type: code-grader, command: ${failing}}]}
  - {id: both, input: hi, assertions: [{type: contains, value: hi, weight: 99}, {name: g, type: code-grader, command: ${failing}}]}
  - id: within
    input: hi
    assertions:
      - type: composite
        aggregator: {type: weighted_average}
        assertions: [{name: g, type: code-grader, command: ${failing}}]
  - {id: negated, input: hi, assertions: [{name: g, type: code-grader, negate: true, command: ${states({ pass: true, score: 0.1 })}}]}
  - {id: low, input: hi, assertions: [{type: contains, value: hi, weight: 99}, {name: g, type: code-grader, command: ${states({ pass: false, score: 0.5 })}}]}
  - {id: repeated, input: hi, repeat: 2, assertions: [{name: g, type: code-grader, command: ${failing}}]}
`,
			"targets.yaml": 'targets: [{name: default, provider: mock, response: "hi"}]\n',
		});
		for (const id of ["alone", "both", "within", "negated"]) {
			expect(row(id), id).toMatchObject({ executionStatus: "quality_failure" });
			expect(row(id).score, id).toBeGreaterThan(0.8);
			expect(row(id).scores.at(-1), id).toMatchObject({ verdict: "fail", veto: true });
		}
		// Without a contradiction, a grader counts by its score like any other.
		expect(row("low")).toMatchObject({ executionStatus: "ok" });
		expect(summary).toMatchObject({ planned: 6, passed: 1, failed: 5 });
		expect(await verifyRun(runDir)).toMatchObject({ differences: [] });
	});

	test("finds no differences in redacted answers, and reports the graders that can't be repeated", async () => {
		const secret = "correct-horse-battery";
		const { runDir } = await runTree({
			"my.eval.yaml": `tests:
  - id: one
    input: hi
    assertions: [{type: regex, value: "horse"}, {type: contains, value: "\${{ MY_TOKEN }}"}, {type: contains, value: bye, negate: true}]
`,
			"targets.yaml": mockTargets(`the token is ${secret}`),
			".env": `MY_TOKEN=${secret}\n`,
		});
		expect(await verifyRun(runDir)).toMatchObject({
			differences: [],
			graders: { reExecuted: 2, notReExecuted: [{ type: "regex", reason: "masked", graders: 1 }] },
		});
	});

	test("finds no differences after errors were retried, or in an unfinished run", async () => {
		const tree = {
			"my.eval.yaml":
				"tests:\n  - {id: one, input: hi, assertions: [{type: contains, value: a}]}\n  - {id: two, input: hi, assertions: [{type: contains, value: a}]}\n",
			"targets.yaml": fileTargets,
			"answers/one": "a",
		};
		const { runDir, root } = await runTree(tree, { workers: 1, bail: true });
		writeFileSync(join(root, "answers/two"), "b");
		await runTree({ root }, { output: runDir, resume: true, retryErrors: true });
		expect(readFileSync(join(runDir, "index.jsonl"), "utf8").split("\n")).toHaveLength(4);
		expect(await verifyRun(runDir)).toMatchObject({
			differences: [],
			tests: { finished: 2 },
			attempts: 2,
			graders: { reExecuted: 2 },
		});

		const bailed = await runTree({ ...tree, "answers/one": "b" }, { workers: 1, bail: true });
		expect(await verifyRun(bailed.runDir)).toMatchObject({ differences: [], tests: { planned: 2, finished: 1 } });
	});
});

test("finds no differences in a run that was merged from shards", async () => {
	const { one, two } = await twoShards();
	const { directory } = await merged([one, two]);
	expect(await verifyRun(directory)).toMatchObject({
		differences: [],
		tests: { planned: 6, finished: 6 },
		attempts: 12,
	});
});

describe("verifying a changed run", () => {
	test("detects a changed score, status or reason in the index", async () => {
		const directory = await recordedRun();
		editIndex(directory, (rows) =>
			rows.map((row) => {
				if (isOf("fails")(row)) return { ...row, score: 1, execution_status: "ok" };
				if (isOf("required")(row)) return { ...row, scores: [{ ...(row.scores as object[])[0], score: 1 }] };
				return row;
			}),
		);
		expect(told(await verifyRun(directory)).sort()).toEqual([
			"attempt fails execution_status",
			"attempt fails score",
			"fact fails execution_status",
			"fact fails score",
			"fact required contains scores[1]",
			"fact required icontains scores[0]",
			"fact required latency scores[2]",
		]);
	});

	test("detects changed answers in any file, even if they get the same grade", async () => {
		const directory = await recordedRun();
		editAttempt(directory, "fails", (file) => ({ ...file, output: "never say never" }));
		writeFileSync(fileOf(directory, "long", "1.output.txt"), "which ends in z");
		expect(told(await verifyRun(directory)).sort()).toEqual([
			"attempt fails execution_status",
			"attempt fails score",
			"file-changed fails",
			"file-changed long",
			"grader fails contains score",
			"summary failed",
			"summary mean_score",
			"summary mean_score_lower_bound",
			"summary passed",
		]);
	});

	test("detects a change even if all records were made consistent with it", async () => {
		const directory = await recordedRun();
		editAttempt(directory, "fails", (file) => ({
			...file,
			...{ score: 1, execution_status: "ok" },
			scores: (file.scores as object[]).map((score) => ({ ...score, score: 1, verdict: "pass" })),
		}));
		const text = readFileSync(fileOf(directory, "fails"));
		editIndex(directory, (rows) =>
			rows.map((row) => {
				if (!isOf("fails")(row)) return row;
				const scores = (row.scores as object[]).map((score) => ({ ...score, score: 1, verdict: "pass" }));
				return { ...row, score: 1, execution_status: "ok", scores, file_sha256: digestText(text) };
			}),
		);
		expect(byRecords(await verifyRun(directory))).toMatchObject([
			{ kind: "grader", grader: "contains", field: "score", recorded: 1, recomputed: 0 },
			{ kind: "attempt", field: "score", recorded: 1, recomputed: 0 },
			{ kind: "attempt", field: "execution_status", recorded: "ok", recomputed: "quality_failure" },
		]);
	});

	test("detects a raised score of a part of a composite", async () => {
		const directory = await recordedRun();
		editAttempt(directory, "composed", (file) => {
			const [composite, ...rest] = file.scores as { parts: object[] }[];
			const [one, ...parts] = composite?.parts ?? [];
			return { ...file, scores: [{ ...composite, parts: [{ ...one, score: 0.2 }, ...parts] }, ...rest] };
		});
		expect(told(await verifyRun(directory))).toEqual(["file-changed composed", "grader composed both › one score"]);
	});

	test("detects missing, duplicate, truncated and unplanned rows", async () => {
		const directory = await recordedRun();
		editIndex(directory, (rows) => [
			...rows.filter((row) => !isOf("weighed")(row)),
			rows.find(isOf("fields")),
			{ ...rows.find(isOf("fields")), test_id: "never planned" },
			{ ...rows.find(isOf("repeated")), attempt: 4 },
			"no row",
		]);
		appendFileSync(join(directory, "index.jsonl"), '{"torn');
		expect(told(await verifyRun(directory)).sort()).toEqual([
			"fact never planned test_id",
			"fact repeated attempt",
			"file-without-row 1.json",
			"row-cut-off",
			"row-duplicated fields",
			"row-missing weighed",
			"row-unplanned never planned",
			"row-unplanned repeated",
			"row-unreadable",
			"summary mean_score",
			"summary mean_score_lower_bound",
			"summary passed",
		]);
	});

	test("detects missing files and files without a row", async () => {
		const directory = await recordedRun();
		rmSync(fileOf(directory, "weighed"));
		rmSync(fileOf(directory, "long", "1.output.txt"));
		writeFileSync(fileOf(directory, "fields", "7.json"), "{}");
		writeFileSync(fileOf(directory, "required"), "no JSON");
		expect(told(await verifyRun(directory)).sort()).toEqual([
			"file-changed required",
			"file-missing long",
			"file-missing weighed",
			"file-unreadable required",
			"file-without-row 7.json",
		]);
	});

	test("detects a changed summary", async () => {
		const directory = await recordedRun();
		const file = join(directory, "summary.json");
		const summary = JSON.parse(readFileSync(file, "utf8"));
		const changed = { ...summary, passed: 24, mean_score: 1, cost_usd: 0.1, token_usage: null };
		writeFileSync(file, JSON.stringify(changed));
		expect(byRecords(await verifyRun(directory))).toMatchObject([
			{ kind: "summary", field: "passed", recorded: 24, recomputed: summary.passed },
			{ kind: "summary", field: "mean_score", recorded: 1, recomputed: expect.closeTo(summary.mean_score, 9) },
			{ kind: "summary", field: "token_usage", recorded: null, recomputed: { input: 40, output: 10 } },
			{ kind: "summary", field: "cost_usd", recorded: 0.1, recomputed: 0.5 },
		]);
		writeFileSync(file, "{}");
		expect(told(await verifyRun(directory))).toEqual(["summary-unreadable"]);
		rmSync(file);
		expect(told(await verifyRun(directory))).toEqual(["summary-missing"]);
	});

	test("detects a link out of the run's directory and does not follow it", async () => {
		const directory = await recordedRun();
		const outside = join(tempTree({ "1.json": readFileSync(fileOf(directory, "fails"), "utf8") }), "1.json");
		rmSync(fileOf(directory, "fails"));
		symlinkSync(outside, fileOf(directory, "fails"));
		expect(told(await verifyRun(directory))).toEqual(["file-unreadable fails"]);
	});

	/** Values of any row, of any attempt file, and any number of the summary. */
	test("detects any changed value", async () => {
		const directory = await recordedRun();
		const paths = ["index.jsonl", "summary.json", ...recordsIn(directory)];
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...paths), fc.nat(), async (path, place) => {
				const file = join(directory, path);
				const before = readFileSync(file, "utf8");
				const values = before.trimEnd().split(path === "index.jsonl" ? "\n" : "\0");
				const at = place % values.length;
				const changed = changeOne(JSON.parse(values[at] ?? ""), place);
				if (changed === undefined) return;
				writeFileSync(file, `${values.with(at, JSON.stringify(changed)).join("\n")}\n`);
				try {
					expect(byRecords(await verifyRun(directory))).not.toEqual([]);
				} finally {
					writeFileSync(file, before);
				}
			}),
			law(300),
		);
		expect((await verifyRun(directory)).differences).toEqual([]);
	});
});
