import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { verifyRun } from "../results/verify-run.ts";
import { resumedRequest } from "./run-request.ts";
import { mockTargets, type RanEval, runTree } from "./testing/run-fixture.ts";

const strict = `let text = ""; for await (const chunk of process.stdin) text += chunk;
const { output } = JSON.parse(text);
console.log(JSON.stringify({ score: output.includes("yes") ? 1 : 0 }));
`;
const lenient = `console.log(JSON.stringify({ score: 0.9 }));\n`;

const files = {
	"my.eval.yaml": `tests:
  - {id: a, input: hi, assertions: [{type: code-grader, name: check, command: [node, ./check.mjs]}, {type: contains, value: y}]}
  - {id: b, input: hi, assertions: [{type: code-grader, name: check, command: [node, ./check.mjs]}]}
`,
	"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
	"answers.jsonl":
		'{"test_id": "a", "output": "yes", "cost_usd": 0.25, "token_usage": {"input": 1, "output": 2}}\n{"test_id": "b", "output": "no"}\n',
	"check.mjs": strict,
};

function regrade(origin: RanEval, more: Parameters<typeof runTree>[1] = {}, graders?: readonly string[]) {
	const chosen = graders ? { graders } : {};
	return runTree({ root: origin.root }, { ...more, regrade: { origin: origin.runDir, ...chosen } });
}

const scores = ({ rows }: RanEval) =>
	rows.map(({ testId, scores: all }) => [testId, ...all.map(({ score }) => score)]).sort();

describe("regrading recorded answers", () => {
	test("reproduces the scores of the original run without calling a target, and records its origin", async () => {
		const origin = await runTree(files, { workers: 1 });
		// The target can't answer without its fixtures.
		writeFileSync(join(origin.root, "answers.jsonl"), "");
		const again = await regrade(origin, { workers: 1 });
		expect(scores(again)).toEqual(scores(origin));
		expect(again.summary).toMatchObject({ planned: 2, passed: 1, failed: 1, errors: 0 });
		const record = readRunFile(again.runDir);
		expect(again.runDir).not.toBe(origin.runDir);
		expect(record.origin).toEqual({
			...{ kind: "regrade", runId: readRunFile(origin.runDir).runId, path: origin.runDir },
		});
		expect(record.targets).toEqual(readRunFile(origin.runDir).targets);
		expect(again.row("a").fingerprint).toEqual(origin.row("a").fingerprint);
	});

	test("uses the current graders", async () => {
		const origin = await runTree(files);
		writeFileSync(join(origin.root, "check.mjs"), lenient);
		const again = await regrade(origin);
		expect(again.row("b")).toMatchObject({ executionStatus: "ok", score: 0.9 });
		expect(again.row("b").fingerprint?.graders).not.toBe(origin.row("b").fingerprint?.graders);
		expect(again.row("b").fingerprint?.target).toBe(origin.row("b").fingerprint?.target);
	});

	test("can be verified and resumed even if the target has changed", async () => {
		const origin = await runTree({
			...files,
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./agent.mjs]}]\n",
			"agent.mjs": 'console.log("yes");',
		});
		writeFileSync(join(origin.root, "agent.mjs"), 'console.log("no");');
		const again = await regrade(origin, { workers: 1 });
		expect(await verifyRun(again.runDir)).toMatchObject({ differences: [], tests: { finished: 2 } });
		const attempt = JSON.parse(readFileSync(join(again.runDir, again.row("a").file ?? ""), "utf8"));
		expect(Object.keys(attempt.files)).toEqual(["agent.mjs", "check.mjs"]);
		const index = join(again.runDir, "index.jsonl");
		writeFileSync(index, readFileSync(index, "utf8").replace(/\n.*\n$/, "\n"));
		const request = resumedRequest(again.runDir, { evals: [] });
		const resumed = await runTree({ root: origin.root }, { ...request, output: again.runDir, resume: true });
		expect(resumed.events[0]).toMatchObject({ planned: 2, alreadyDone: 1 });
		expect(await verifyRun(again.runDir)).toMatchObject({ differences: [], tests: { finished: 2 } });
	});

	test("by one grader keeps the results of the others", async () => {
		const origin = await runTree(files);
		writeFileSync(join(origin.root, "check.mjs"), lenient);
		const again = await regrade(origin, {}, ["contains"]);
		expect(scores(again)).toEqual(scores(origin));
	});

	test("refuses a test whose input has changed", async () => {
		const origin = await runTree(files);
		writeFileSync(
			join(origin.root, "my.eval.yaml"),
			files["my.eval.yaml"].replace("id: b, input: hi", "id: b, input: other"),
		);
		const again = await regrade(origin);
		expect(again.row("a").executionStatus).toBe("ok");
		expect(again.row("b")).toMatchObject({ executionStatus: "execution_error", error: { code: "input-changed" } });
	});

	test("refuses a test whose template has changed", async () => {
		const withTemplate = {
			...files,
			"my.eval.yaml": `workspace: {template: ./t}\n${files["my.eval.yaml"]}`,
			"t/a.txt": "one",
		};
		const origin = await runTree(withTemplate);
		expect((await regrade(origin)).summary).toMatchObject({ passed: 1, failed: 1 });
		writeFileSync(join(origin.root, "t/a.txt"), "two");
		const again = await regrade(origin);
		for (const id of ["a", "b"])
			expect(again.row(id)).toMatchObject({
				executionStatus: "execution_error",
				error: { stage: "record", code: "workspace-changed" },
			});
	});

	test("reports the tests of an unfinished run that have no answer", async () => {
		const origin = await runTree(files, { workers: 1 });
		const index = join(origin.runDir, "index.jsonl");
		writeFileSync(index, `${readFileSync(index, "utf8").split("\n")[0]}\n`);
		const again = await regrade(origin);
		expect(again.summary).toMatchObject({ planned: 2, passed: 1, errors: 1 });
		expect(again.row("b")).toMatchObject({ error: { stage: "record", code: "no-answer" } });
	});

	test("costs nothing and keeps the original cost of the answers", async () => {
		const origin = await runTree(files);
		const again = await regrade(origin);
		expect(again.summary.costUsd).toBe(0);
		expect(again.row("a")).toMatchObject({
			costUsd: 0,
			cached: { costUsd: 0.25, tokenUsage: { input: 1, output: 2 } },
		});
	});

	test("keeps the reason why a test has no answer", async () => {
		const origin = await runTree({ ...files, "answers.jsonl": '{"test_id": "a", "output": "yes"}\n' });
		const again = await regrade(origin);
		expect(again.row("b")).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "target", code: "not-recorded" },
		});
	});

	test("grades every turn of a conversation", async () => {
		const turns = `tests:
  - id: a
    mode: conversation
    turns:
      - {input: one, assertions: [{type: contains, name: first, value: "1"}]}
      - {input: two, assertions: [{type: contains, name: second, value: "2"}]}
    assertions: [{type: contains, name: whole, value: "2"}]
`;
		const answers = '{"test_id": "a", "output": "1"}\n{"test_id": "a", "output": "2"}\n';
		const origin = await runTree({ ...files, "my.eval.yaml": turns, "answers.jsonl": answers });
		const again = await regrade(origin);
		expect(scores(again)).toEqual([["a", 1, 1, 1]]);
		expect(scores(await regrade(origin, {}, ["second"]))).toEqual([["a", 1, 1, 1]]);
	});

	test("rebuilds the workspace for graders' programs at each turn, with large and binary files", async () => {
		const grader = (wanted: string) =>
			`sh -c 'test "$(cat "$AGENTV_WORKSPACE_PATH/log" | tr "\\n" " ")" = "${wanted}" && cmp "$AGENTV_WORKSPACE_PATH/b.bin" ./expected.bin'`;
		const origin = await runTree({
			"my.eval.yaml": `workspace: {template: ./t, isolation: per_test, hooks: {before_each: [sh, -c, 'echo hook > "$AGENTV_WORKSPACE_PATH/log"']}}
tests:
  - id: a
    mode: conversation
    turns:
      - {input: one, assertions: [{type: code-grader, command: ${JSON.stringify(grader("hook turn "))}}]}
      - {input: two, assertions: [{type: code-grader, command: ${JSON.stringify(grader("hook turn turn "))}}]}
    assertions: [{type: code-grader, command: ${JSON.stringify(grader("hook turn turn "))}}]
`,
			"t/gone": "",
			"target.sh": `echo turn >> log; rm -f gone; head -c 3000000 /dev/zero | tr '\\0' 'z' > b.bin; printf '\\0\\1' >> b.bin; echo done`,
			"targets.yaml": "targets: [{name: default, provider: cli, command: [sh, ./target.sh]}]\n",
			"expected.bin": `${"z".repeat(3_000_000)}\0\u0001`,
		});
		expect(scores(origin)).toEqual([["a", 1, 1, 1]]);
		const again = await regrade(origin);
		expect(scores(again)).toEqual([["a", 1, 1, 1]]);
		const changes = (run: RanEval) =>
			["file_changes.diff", "file_changes_shown.diff", "turn-1.file_changes.diff"].map((name) =>
				readFileSync(join(run.runDir, run.row("a").file?.replace(/json$/, name) ?? ""), "utf8"),
			);
		expect(changes(again)).toEqual(changes(origin));
		expect(changes(again)[1]).toContain("# new large file b.bin: 3000002 bytes, sha256 ");
	});

	test("never calls the target, even if an attempt is missing", async () => {
		const origin = await runTree(
			{
				...files,
				"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./agent.mjs]}]\n",
				"agent.mjs": 'import { appendFileSync } from "node:fs"; appendFileSync("calls", "x"); console.log("yes");',
			},
			{ repeat: 3 },
		);
		const index = join(origin.runDir, "index.jsonl");
		const lines = readFileSync(index, "utf8").split("\n");
		writeFileSync(index, lines.filter((line) => !/"test_id":"a".*"attempt":(2|3)/.test(line)).join("\n"));
		const calls = readFileSync(join(origin.root, "calls"), "utf8");
		const again = await regrade(origin);
		expect(readFileSync(join(origin.root, "calls"), "utf8")).toBe(calls);
		expect(again.row("a", 1).executionStatus).toBe("ok");
		for (const attempt of [2, 3])
			expect(again.row("a", attempt)).toMatchObject({
				executionStatus: "execution_error",
				error: { stage: "record", code: "no-answer" },
			});
		expect(again.summary).toMatchObject({ planned: 2, passed: 1, errors: 1 });
	});

	test("grades as many attempts as decide a test and needs no more", async () => {
		const once = files["my.eval.yaml"].replaceAll(
			"input: hi,",
			"input: hi, repeat: {count: 3, strategy: pass_any, early_exit: true},",
		);
		const origin = await runTree({
			...files,
			"my.eval.yaml": once,
			"answers.jsonl": "",
			"targets.yaml": mockTargets("yes"),
		});
		expect(origin.rows).toHaveLength(2);
		const again = await regrade(origin);
		expect(again.rows).toHaveLength(2);
		expect(again.summary).toMatchObject({ planned: 2, passed: 2 });
		// With these graders, the original run would have needed a third attempt.
		writeFileSync(join(origin.root, "check.mjs"), "console.log(0)");
		expect((await regrade(origin)).summary).toMatchObject({ planned: 2, passed: 0, failed: 0, errors: 2 });
	});

	test("fails a dependent test again as long as its dependency fails", async () => {
		const dependent = `  - {id: c, input: hi, depends_on: [b], on_dependency_failure: fail, assertions: [{type: contains, value: y}]}
  - {id: d, input: hi, depends_on: [b], assertions: [{type: contains, value: y}]}
`;
		const origin = await runTree({ ...files, "my.eval.yaml": files["my.eval.yaml"] + dependent });
		expect(origin.summary).toMatchObject({ passed: 1, failed: 2, errors: 1 });
		const again = await regrade(origin);
		expect(again.summary).toMatchObject({ passed: 1, failed: 2, errors: 1 });
		expect(again.row("c").error).toEqual(origin.row("c").error);
		writeFileSync(join(origin.root, "check.mjs"), lenient);
		const passing = await regrade(origin);
		for (const id of ["c", "d"])
			expect(passing.row(id)).toMatchObject({
				executionStatus: "execution_error",
				error: { stage: "record", code: "no-answer" },
			});
	});

	test("gives no verdict on a conversation that the current graders would have continued", async () => {
		const turns = (first: string) => `tests:
  - id: a
    mode: conversation
    on_turn_failure: stop
    turns:
      - {input: one, assertions: [{type: contains, name: first, value: "${first}"}]}
      - {input: two, assertions: [{type: contains, name: second, value: "2"}]}
    assertions: [{type: contains, name: whole, value: "1"}]
`;
		const answers = '{"test_id": "a", "output": "1"}\n{"test_id": "a", "output": "2"}\n';
		const origin = await runTree({ ...files, "my.eval.yaml": turns("x"), "answers.jsonl": answers });
		expect((await regrade(origin)).row("a")).toMatchObject({ executionStatus: "quality_failure", score: 0.5 });
		writeFileSync(join(origin.root, "my.eval.yaml"), turns("1"));
		const again = await regrade(origin);
		expect(again.row("a")).toMatchObject({
			executionStatus: "execution_error",
			scores: [{ name: "turn 1: first", score: 1 }],
			error: { stage: "record", code: "no-answer", message: expect.stringContaining("turn 2") },
		});
	});

	test("refuses a conversation with a changed turn", async () => {
		const turns = `tests:
  - id: a
    mode: conversation
    turns: [{input: one, assertions: [{type: contains, value: "1"}]}, {input: two, assertions: [{type: contains, value: "2"}]}]
`;
		const answers = '{"test_id": "a", "output": "1"}\n{"test_id": "a", "output": "2"}\n';
		const origin = await runTree({ ...files, "my.eval.yaml": turns, "answers.jsonl": answers });
		writeFileSync(join(origin.root, "my.eval.yaml"), turns.replace("input: two", "input: other"));
		expect((await regrade(origin)).row("a")).toMatchObject({
			executionStatus: "execution_error",
			error: { code: "input-changed" },
		});
	});

	test("gives no verdict on a redacted answer, even if it is regraded repeatedly", async () => {
		const env = { MY_API_KEY: "topsecret12345" };
		const tests = `tests:
  - {id: leak, input: hi, assertions: [{type: contains, name: leaks, negate: true, value: topsecret12345}]}
  - {id: kept, input: hi, assertions: [{type: contains, name: holds, value: topsecret12345}, {type: code-grader, name: check, command: [node, ./check.mjs]}, {type: latency, threshold: 60000}]}
`;
		const origin = await runTree(
			{ ...files, "my.eval.yaml": tests, "targets.yaml": mockTargets("yes topsecret12345") },
			{ env },
		);
		expect(origin.summary).toMatchObject({ passed: 1, failed: 1 });
		const again = await regrade(origin, { env });
		const twice = await regrade(again, { env });
		for (const run of [again, twice]) {
			expect(run.summary).toMatchObject({ passed: 0, failed: 0, errors: 2 });
			expect(run.row("leak")).toMatchObject({ error: { stage: "grader", code: "redacted" } });
		}
		const partly = await regrade(origin, { env }, ["check"]);
		expect(partly.row("kept").scores).toMatchObject([
			{ score: 1 },
			{ score: null, error: { code: "redacted" } },
			{ score: 1 },
		]);
		expect(again.row("kept").scores.map(({ score }) => score)).toEqual([null, null, 1]);
		expect(partly.row("leak")).toMatchObject({ executionStatus: "quality_failure" });
	});

	test("prepares no workspace for graders whose results are kept", async () => {
		const origin = await runTree({
			...files,
			"my.eval.yaml":
				`workspace: {isolation: per_test, hooks: {before_each: [sh, -c, 'echo x >> ../hooks; test "$(wc -l < ../hooks)" -le 2']}}\n${files["my.eval.yaml"]}`.replaceAll(
					"../hooks",
					"$HOME/hooks",
				),
		});
		expect(origin.summary).toMatchObject({ passed: 1, failed: 1 });
		expect((await regrade(origin, {}, ["contains"])).summary).toMatchObject({ passed: 1, failed: 1 });
		expect((await regrade(origin, {}, ["check"])).summary).toMatchObject({ passed: 0, failed: 0, errors: 2 });
	});

	test("keeps answers that are too long for the attempt file", async () => {
		const long = "y".repeat(100_000);
		const origin = await runTree({ ...files, "answers.jsonl": "", "targets.yaml": mockTargets(`${long} yes`) });
		const again = await regrade(origin);
		expect(scores(again)).toEqual(scores(origin));
		const path = again.row("a").file?.replace(/\.json$/, ".output.txt") ?? "";
		expect(readFileSync(join(again.runDir, path), "utf8")).toBe(`${long} yes`);
	});
});

describe("rerunning failed tests", () => {
	test("runs only those tests, in a new run that records its origin", async () => {
		const origin = await runTree(files);
		writeFileSync(join(origin.root, "answers.jsonl"), '{"test_id": "b", "output": "yes"}\n');
		const again = await runTree({ root: origin.root }, { rerunFailed: origin.runDir });
		expect(again.rows.map(({ testId }) => testId)).toEqual(["b"]);
		expect(again.summary).toMatchObject({ planned: 1, passed: 1 });
		expect(readRunFile(again.runDir).origin).toMatchObject({ kind: "rerun_failed", path: origin.runDir });
		expect(origin.row("b").executionStatus).toBe("quality_failure");
	});

	test("is refused if all tests passed", async () => {
		const origin = await runTree({ ...files, "answers.jsonl": "", "targets.yaml": mockTargets("yes") });
		await expect(runTree({ root: origin.root }, { rerunFailed: origin.runDir })).rejects.toMatchObject({
			message: expect.stringContaining("every test"),
		});
	});
});

test("excludes tests with an excluded tag", async () => {
	const tagged =
		"tests:\n  - {id: a, tags: [slow], input: hi, assertions: [{type: contains, value: y}]}\n  - {id: b, input: hi, assertions: [{type: contains, value: y}]}\n";
	const run = await runTree({ "my.eval.yaml": tagged, "targets.yaml": mockTargets("yes") }, { excludeTags: ["slow"] });
	expect(run.rows.map(({ testId }) => testId)).toEqual(["b"]);
});
