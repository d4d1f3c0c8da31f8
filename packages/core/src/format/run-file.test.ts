import { expect, test } from "vitest";
import { runFileSchema } from "./run-file.ts";

const run = {
	...{ format_version: 1, run_id: "r", experiment: "default", started_at: "", agentv_version: "1", node_version: "20" },
	...{ evals: [], targets: [], flags: {} },
};

test("planned tests are read as they are written, those that are repeated with their repeat", () => {
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
	["no list", {}],
	["no test", [[0, "a", "x"], "b"]],
	["a test without target", [[0, "a"]]],
	["a test whose id is a number", [[0, 1, "x"]]],
	["a repeat of another shape", [[0, "a", "x", { count: "3" }]]],
	["too much", [[0, "a", "x", { count: 1, strategy: "mean", early_exit: false }, 5]]],
])("%s where planned tests are wanted is refused", (_, planned) => {
	expect(runFileSchema.safeParse({ ...run, planned }).success).toBe(false);
});
