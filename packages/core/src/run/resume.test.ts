import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { fileTargets, mockTargets, type RanEval, runTree } from "./testing/run-fixture.ts";

const files = {
	"my.eval.yaml": `tests:\n${["a", "b", "c", "d"].map((id) => `  - {id: ${id}, input: hi, assertions: [{type: contains, value: yes}]}`).join("\n")}\n`,
	"targets.yaml": mockTargets("yes"),
};

const ids = ({ rows }: RanEval) => rows.map(({ testId }) => testId).sort();

describe("a resumed run", () => {
	test("runs only the tests without a row", async () => {
		const first = await runTree(files);
		const index = join(first.runDir, "index.jsonl");
		const lines = readFileSync(index, "utf8").split("\n");
		writeFileSync(index, `${lines.slice(0, 2).join("\n")}\n`);
		const second = await runTree(first, { output: first.runDir, resume: true });
		expect(ids(second)).toEqual(["a", "b", "c", "d"]);
		expect(second.events.filter(({ type }) => type === "attempt-finished")).toHaveLength(2);
		expect(second.events[0]).toMatchObject({ type: "started", planned: 4, alreadyDone: 2 });
		expect(second.summary).toMatchObject({ planned: 4, passed: 4 });
		expect(JSON.parse(readFileSync(join(first.runDir, "summary.json"), "utf8"))).toMatchObject({ passed: 4 });
	});

	test("drops a truncated last line", async () => {
		const first = await runTree(files);
		const index = join(first.runDir, "index.jsonl");
		truncateSync(index, readFileSync(index).length - 40);
		const second = await runTree(first, { output: first.runDir, resume: true });
		expect(ids(second)).toEqual(["a", "b", "c", "d"]);
		for (const line of readFileSync(index, "utf8").trimEnd().split("\n"))
			expect(JSON.parse(line)).toHaveProperty("test_id");
	});

	test("skips lines that are not rows, with a warning", async () => {
		const first = await runTree(files);
		appendFileSync(join(first.runDir, "index.jsonl"), '{"not": "a row"}\n');
		const second = await runTree(first, { output: first.runDir, resume: true });
		expect(second.events).toContainEqual(
			expect.objectContaining({ type: "warning", message: expect.stringMatching(/:5 is not a valid row/) }),
		);
		expect(second.summary.passed).toBe(4);
	});

	test("is refused if the eval has changed", async () => {
		const first = await runTree(files);
		writeFileSync(
			join(first.root, "my.eval.yaml"),
			files["my.eval.yaml"].replace("{id: b, input: hi", "{id: b, input: ho"),
		);
		await expect(runTree(first, { output: first.runDir, resume: true })).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("my.eval.yaml changed: 1 result (b)"),
		});
	});

	test("starts a new run if there is none yet, and refuses a directory with other contents", async () => {
		const { root } = await runTree(files);
		const begun = await runTree({ root }, { output: join(root, "nothing"), resume: true });
		expect(begun.events[0]).toMatchObject({ type: "warning", message: expect.stringContaining("starting a new one") });
		expect(begun.summary.passed).toBe(4);
		writeTree(root, { "tests/mine.txt": "mine", "full/index.jsonl": "{}\n" });
		for (const output of [root, join(root, "full")])
			await expect(runTree({ root }, { output, resume: true })).rejects.toMatchObject({ code: "config" });
	});
});

test("retrying errors runs only the tests that could not be run", async () => {
	const broken = { ...files, "targets.yaml": fileTargets, "answers/a": "yes", "answers/b": "no" };
	const first = await runTree(broken);
	expect(first.summary).toMatchObject({ passed: 1, failed: 1, errors: 2 });
	expect(first.row("c").error).toMatchObject({ stage: "target" });
	writeFileSync(join(first.root, "answers/c"), "yes");
	const second = await runTree(first, { output: first.runDir, resume: true, retryErrors: true });
	expect(second.events.filter(({ type }) => type === "attempt-finished")).toHaveLength(2);
	expect(second.summary).toMatchObject({ planned: 4, passed: 2, failed: 1, errors: 1 });
	expect(second.row("c").executionStatus).toBe("ok");
});

test("retrying errors includes tests that failed because of them, unlike resuming", async () => {
	const files = {
		"my.eval.yaml":
			"tests:\n  - {id: a, input: hi, assertions: [{type: contains, value: yes}]}\n  - {id: b, depends_on: [a], on_dependency_failure: fail, repeat: {count: 3}, input: hi, assertions: [{type: contains, value: yes}]}\n",
		"targets.yaml": fileTargets,
		"answers/b": "yes",
	};
	const first = await runTree(files);
	expect(first.row("b")).toMatchObject({ executionStatus: "quality_failure", error: { stage: "dependency" } });
	const same = await runTree(first, { output: first.runDir, resume: true });
	expect(same.events[0]).toMatchObject({ planned: 2, alreadyDone: 2 });
	writeFileSync(join(first.root, "answers/a"), "yes");
	const second = await runTree(first, { output: first.runDir, resume: true, retryErrors: true });
	expect(second.summary).toMatchObject({ planned: 2, passed: 2, failed: 0, errors: 0 });
});

test("an aborted run keeps finished tests and can be resumed", async () => {
	const slow = {
		...files,
		"targets.yaml": "targets: [{name: default, provider: mock, response: yes, delay_ms: 60}]\n",
	};
	const abort = new AbortController();
	const first = await runTree(slow, {
		workers: 1,
		signal: abort.signal,
		onEvent: ({ type }) => {
			if (type === "attempt-finished") abort.abort();
		},
	});
	expect(first.outcome).toBe("interrupted");
	expect(first.rows).toHaveLength(1);
	const second = await runTree(first, { output: first.runDir, resume: true });
	expect(second.outcome).toBe("complete");
	expect(ids(second)).toEqual(["a", "b", "c", "d"]);
});
