import { describe, expect, test } from "vitest";
import { runTree } from "./testing/run-fixture.ts";

const evalText = (more = "") => `tests: [{id: t, input: hi, ${more} assertions: [{type: contains, value: yes}]}]\n`;
/** Returns a command that fails until it has been called `times` times. */
const flaky = (times: number) =>
	`printf x >> calls; if [ "$(wc -c < calls)" -lt ${times} ]; then echo busy >&2; exit 7; fi; echo yes`;
const target = (command: string, more = "") =>
	`{name: default, provider: cli, command: ${JSON.stringify(command)}, ${more}}`;

describe("a target that fails", () => {
	test("is called again if its settings say so", async () => {
		const run = await runTree({
			"my.eval.yaml": evalText(),
			"targets.yaml": `targets: [${target(flaky(3), "max_retries: 3, retry_initial_delay_ms: 5")}]\n`,
		});
		expect(run.row("t").executionStatus).toBe("ok");
		expect(run.events.filter(({ type }) => type === "retry")).toMatchObject([
			{ testId: "t", message: "the command exited with 7: busy" },
			{ testId: "t" },
		]);
	});

	test("is called once by default", async () => {
		const run = await runTree({ "my.eval.yaml": evalText(), "targets.yaml": `targets: [${target(flaky(2))}]\n` });
		expect(run.row("t")).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "target", code: "exit-code", message: "the command exited with 7: busy" },
		});
	});

	test("is replaced by its fallbacks", async () => {
		const run = await runTree({
			"my.eval.yaml": evalText(),
			"targets.yaml": `targets:\n  - ${target("exit 3", "fallback_targets: [second, third]")}\n  - {name: second, provider: cli, command: "exit 4"}\n  - {name: third, provider: mock, response: yes}\n`,
		});
		expect(run.row("t")).toMatchObject({ executionStatus: "ok", target: "default" });
	});

	test("is ended at its time limit with all processes that it started", async () => {
		const started = performance.now();
		const run = await runTree(
			{
				"my.eval.yaml": evalText(),
				"targets.yaml": `targets: [${target("(sleep 60 & echo $! > child; wait) & wait")}]\n`,
			},
			{ timeoutSeconds: 0.4 },
		);
		expect(performance.now() - started).toBeLessThan(10_000);
		expect(run.row("t").error).toMatchObject({ stage: "target", code: "timeout", message: "no response within 0.4 s" });
	});
});

describe("figures that a target reports", () => {
	const answering = (answer: object) =>
		runTree({
			"my.eval.yaml":
				"tests: [{id: t, input: hi, assertions: [{type: contains, value: yes}, {type: execution-metrics, max_tokens: 9, max_tool_calls: 9}]}]\n",
			"targets.yaml": `targets: [${target("cat answer.json")}]\n`,
			"answer.json": JSON.stringify({ text: "yes", ...answer }).replace('"huge"', "1e999"),
		});

	test.each([
		[{ token_usage: { input: -1, output: 2 } }, "-1 as its input tokens"],
		[{ token_usage: { input: 1.5, output: 2 } }, "1.5 as its input tokens"],
		[{ token_usage: { input: 1, output: 2 ** 53 } }, "9007199254740992 as its output tokens"],
		[{ token_usage: { output: 2 } }, "token_usage has no number in `input`"],
		[{ cost_usd: -0.5 }, "-0.5 as its cost"],
		[{ cost_usd: "huge" }, "Infinity as its cost"],
		[{ duration_ms: -3 }, "-3 as its duration"],
	])("are omitted with a warning if they are impossible: %j", async (answer, warning) => {
		const run = await answering(answer);
		const { executionStatus, warnings, tokenUsage, costUsd, durationMs } = run.row("t");
		expect(executionStatus).toBe("ok");
		expect(warnings).toMatchObject([{ stage: "target", code: "figures", message: expect.stringContaining(warning) }]);
		expect({ tokenUsage, costUsd }).toEqual({});
		expect(durationMs).toBeGreaterThanOrEqual(0);
	});

	test("are not graded if they are missing", async () => {
		const run = await runTree({
			"my.eval.yaml": "tests: [{id: t, input: hi, assertions: [{type: cost, budget: 1}]}]\n",
			"targets.yaml": `targets: [${target("echo yes")}]\n`,
		});
		expect(run.summary).toMatchObject({ passed: 0, failed: 0, errors: 1 });
		expect(JSON.stringify(run.rows)).toContain("the target does not report cost");
	});

	test.each([
		["refusal", "ok", undefined],
		["max_tokens", "execution_error", "the answer was truncated at the length limit"],
		["content-filter", "execution_error", "the answer was stopped by a content filter"],
		["end_turn", "ok", undefined],
	])("include the reason why an answer ended: %s", async (reason, status, message) => {
		const run = await answering({ stop_reason: reason, token_usage: { input: 1, output: 2 }, cost_usd: 0.5 });
		expect(run.row("t")).toMatchObject({ executionStatus: status, costUsd: 0.5, tokenUsage: { input: 1, output: 2 } });
		expect(run.row("t").error?.message).toBe(message);
	});
});

describe("checking targets before any test starts", () => {
	const refused = (targets: string) => expect(runTree({ "my.eval.yaml": evalText(), "targets.yaml": targets })).rejects;

	test("refuses a missing program", async () => {
		await refused('targets: [{name: default, provider: cli, command: "no-such-program {PROMPT}"}]\n').toMatchObject({
			code: "config",
			message: `target "default" can't be used: the program "no-such-program" was not found`,
		});
	});

	test("refuses a missing working directory", async () => {
		await refused('targets: [{name: default, provider: cli, command: "echo hi", cwd: ./nowhere}]\n').toMatchObject({
			code: "config",
			message: expect.stringMatching(/^target "default" can't be used: the working directory .*nowhere does not exist/),
		});
	});

	test("refuses a failing health check", async () => {
		await refused(
			'targets: [{name: default, provider: cli, command: "echo hi", healthcheck: {command: "echo ill >&2; exit 1"}}]\n',
		).toMatchObject({ message: `target "default" can't be used: the health check exited with 1: ill` });
	});

	test("refuses batching and unknown providers", async () => {
		await refused("targets: [{name: default, provider: cli, command: echo, provider_batching: true}]\n").toMatchObject({
			message: expect.stringContaining("`provider_batching: true` is not supported"),
		});
		await refused("targets: [{name: default, provider: nothing}]\n").toMatchObject({
			diagnostics: [{ message: expect.stringContaining('unknown provider "nothing"') }],
		});
	});

	test("uses a working fallback in place of a target that doesn't work", async () => {
		const run = await runTree({
			"my.eval.yaml": evalText(),
			"targets.yaml":
				"targets:\n  - {name: default, provider: cli, command: no-such-program, fallback_targets: [other]}\n  - {name: other, provider: mock, response: yes}\n",
		});
		expect(run.row("t").executionStatus).toBe("ok");
	});
});
