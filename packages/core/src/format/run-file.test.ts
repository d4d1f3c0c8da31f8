import { expect, test } from "vitest";
import { encode } from "./codec.ts";
import { attemptFileSchema, runFileSchema } from "./run-file.ts";

const run = {
	...{ format_version: 1, run_id: "r", experiment: "default", started_at: "", agentv_version: "1", node_version: "20" },
	...{ evals: [], targets: [], flags: {} },
};

test("planned tests keep their names, and repeated ones their repeat settings", () => {
	const repeat = { count: 3, strategy: "pass_any", early_exit: true };
	const { data } = runFileSchema.safeParse({
		...run,
		planned: [
			[0, "a", "x"],
			[0, "b", "x", repeat],
		],
	});
	expect(data?.planned).toEqual([
		[0, "a", "x"],
		[0, "b", "x", { count: 3, strategy: "pass_any", earlyExit: true }],
	]);
});

test.each([
	["an object", {}],
	["a text as a test", [[0, "a", "x"], "b"]],
	["a test without a target", [[0, "a"]]],
	["a test whose id is a number", [[0, 1, "x"]]],
	["a repeat of another shape", [[0, "a", "x", { count: "3" }]]],
	["too many values", [[0, "a", "x", { count: 1, strategy: "mean", early_exit: false }, 5]]],
])("planned tests: %s is refused", (_, planned) => {
	expect(runFileSchema.safeParse({ ...run, planned }).success).toBe(false);
});

test("a record keeps its keys when it is read and written again, including keys of the users' data", () => {
	const usage = { target: "judge", token_usage: { input: 1, output: 2 }, cost_usd: 0.5 };
	const score = { name: "g", type: "composite", score: 1, weight: 1, required: true, verdict: "pass", assertions: [] };
	const wire = {
		...{ timestamp: "", test_id: "a", eval: "e", target: "t", attempt: 1, score: 1, threshold: 1, duration_ms: 1 },
		...{ execution_status: "execution_error", metadata: { ownKey: { innerKey: 1 }, own_key: 2 } },
		error: { stage: "target", code: "x", message: "", caused_by: "agent" },
		cached: { duration_ms: 5, token_usage: { input: 1, output: 2 } },
		...{ output: null, output_path: "tests/a/1.txt", assertions: [{ minScore: 1 }], input: { aB: 1 } },
		scores: [{ ...score, usage, details: { ownKey: 1 }, parts: [{ ...score, usage }] }],
		messages: [
			{ role: "assistant", content: null, tool_calls: [{ tool: "read", input: { filePath: "" }, duration_ms: 1 }] },
		],
		...{ file_changes_path: null, beside: [{ path: "tests/a/1.txt", sha256: "0" }] },
	};
	expect(encode(attemptFileSchema, attemptFileSchema.parse(wire))).toEqual(wire);
});
