import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import type { Target, TargetRequest } from "../contract.ts";
import { localTarget } from "../testing/local-target.ts";
import { request } from "../testing/target-from.ts";

interface Kind {
	/** A target that answers "the answer" to every question. */
	readonly good: () => Target;
	/** A target that would take an hour. */
	readonly endless?: () => Target;
	/** A target that can't be used at all. */
	readonly unfit?: () => Target;
	/** A target that fails each call. */
	readonly failing?: () => Target;
}

const kinds: Readonly<Record<string, Kind>> = {
	mock: {
		good: () => localTarget("{provider: mock, response: the answer}").target,
		endless: () => localTarget("{provider: mock, response: late, delay_ms: 3600000}").target,
	},
	replay: {
		good: () =>
			localTarget("{provider: replay, fixtures: ./a.jsonl}", {
				"a.jsonl": '{"test_id": "t", "output": "the answer"}\n',
			}).target,
		unfit: () => localTarget("{provider: replay, fixtures: ./none.jsonl}").target,
		failing: () => localTarget("{provider: replay, fixtures: ./a.jsonl}", { "a.jsonl": "" }).target,
	},
	cli: {
		good: () => localTarget("{provider: cli, command: [printf, the answer]}").target,
		endless: () => localTarget("{provider: cli, command: [sleep, '3600']}").target,
		unfit: () => localTarget("{provider: cli, command: no-such-program}").target,
		failing: () => localTarget('{provider: cli, command: "echo broken >&2; exit 9"}').target,
	},
};

function scratch() {
	const path = tempTree();
	return { path, make: () => path };
}

const question = (more: Partial<TargetRequest> = {}): TargetRequest =>
	request("hi", { testId: "t", scratch: scratch(), ...more });

describe.each(Object.entries(kinds))("the target %s", (_, kind) => {
	test("passes its check and answers concurrent requests", async () => {
		const target = kind.good();
		expect(await target.check(new AbortController().signal)).toBeUndefined();
		const outcomes = await Promise.all([1, 2, 3].map((attempt) => target.invoke(question({ attempt }))));
		for (const outcome of outcomes) expect(outcome).toMatchObject({ ok: true, answer: { text: "the answer" } });
		await target.close?.();
	});

	test("stops immediately on abort", async () => {
		const target = kind.endless?.();
		if (!target) return;
		const abort = new AbortController();
		const started = performance.now();
		setTimeout(() => abort.abort(), 100);
		await target.invoke(question({ signal: abort.signal }));
		expect(performance.now() - started).toBeLessThan(5000);
	});

	test("reports before any test what would fail all of them", async () => {
		const problem = await kind.unfit?.().check(new AbortController().signal);
		if (kind.unfit) expect(problem?.message).toMatch(/[^.]$/);
	});

	test("returns a failure as data", async () => {
		const outcome = await kind.failing?.().invoke(question());
		if (!outcome) return;
		expect(outcome).toMatchObject({ ok: false, failure: { retryable: expect.any(Boolean) } });
		if (!outcome.ok) expect(outcome.failure.code).toMatch(/^[a-z-]+$/);
	});
});

describe("a cli target", () => {
	test("receives each placeholder as one argument, and files as several", async () => {
		const { target, root } = localTarget(
			"{provider: cli, command: [node, ./show.mjs, '{PROMPT}', 'id={EVAL_ID}', '{ATTEMPT}', '{FILES}']}",
			{ "show.mjs": "console.log(JSON.stringify(process.argv.slice(2)))" },
		);
		const hostile = `it's "quoted" $(touch pwned) ; rm -rf \`x\`\n{FILES}`;
		const files = [join(root, "a b.txt"), join(root, "c.txt")];
		const outcome = await target.invoke(question({ prompt: hostile, testId: "../x y", attempt: 3, files }));
		expect(outcome.ok && JSON.parse(outcome.answer.text)).toEqual([hostile, "id=../x y", "3", ...files]);
		expect(existsSync(join(root, "pwned"))).toBe(false);
	});

	test("quotes values in a shell's text", async () => {
		const { target, root } = localTarget('{provider: cli, command: "printf %s {PROMPT} | cat"}');
		const outcome = await target.invoke(question({ prompt: '"; touch pwned; echo $(touch pwned) `touch pwned`' }));
		expect(outcome).toMatchObject({ ok: true, answer: { text: '"; touch pwned; echo $(touch pwned) `touch pwned`' } });
		expect(existsSync(join(root, "pwned"))).toBe(false);
	});

	test("formats files as configured", async () => {
		const { target } = localTarget(
			"{provider: cli, command: [node, ./show.mjs, '{FILES}'], files_format: '--file {path} --name={basename}'}",
			{ "show.mjs": "console.log(JSON.stringify(process.argv.slice(2)))" },
		);
		const outcome = await target.invoke(question({ files: ["/x/a b.txt"] }));
		expect(outcome.ok && JSON.parse(outcome.answer.text)).toEqual(["--file", "/x/a b.txt", "--name=a b.txt"]);
	});

	test("answers by its output file if the command has one", async () => {
		const command = `{provider: cli, command: [sh, -c, 'echo noise; cat "$1" > "$2"', sh, '{PROMPT_FILE}', '{OUTPUT_FILE}']}`;
		expect(await localTarget(command).target.invoke(question({ prompt: "from the file" }))).toMatchObject({
			ok: true,
			answer: { text: "from the file" },
		});
		const silent = localTarget("{provider: cli, command: [echo, hi, '{OUTPUT_FILE}']}");
		expect(await silent.target.invoke(question())).toMatchObject({ ok: false, failure: { code: "no-output" } });
	});

	test("may answer with messages, tool calls, usage and cost", async () => {
		const answer = {
			output: [
				{ role: "assistant", content: "", tool_calls: [{ tool: "Read", input: { a_key: 1 }, duration_ms: 4 }] },
				{ role: "assistant", content: "done" },
			],
			token_usage: { input: 10, output: 5, cached: 2 },
			...{ cost_usd: 0.25, duration_ms: 1234 },
		};
		const { target } = localTarget(
			`{provider: cli, command: [printf, '%s', ${JSON.stringify(JSON.stringify(answer))}]}`,
		);
		expect(await target.invoke(question())).toEqual({
			ok: true,
			answer: {
				text: "done",
				messages: [
					{ role: "assistant", content: "", toolCalls: [{ tool: "Read", input: { a_key: 1 }, durationMs: 4 }] },
					{ role: "assistant", content: "done" },
				],
				tokenUsage: { input: 10, output: 5, cached: 2 },
				costUsd: 0.25,
				durationMs: 1234,
			},
		});
	});

	test("treats other JSON as plain text", async () => {
		const { target } = localTarget(`{provider: cli, command: [printf, '{"score": 1}']}`);
		expect(await target.invoke(question())).toMatchObject({ ok: true, answer: { text: '{"score": 1}' } });
	});

	test("runs in the workspace and receives the provider context", async () => {
		const workspacePath = tempTree();
		const { target } = localTarget('{provider: cli, command: "pwd; printf %s \\"$AGENTV_PROVIDER_CONTEXT\\""}');
		const outcome = await target.invoke(
			question({ workspacePath, providerContext: { agent_rules_paths: { skills: ["a"] } } }),
		);
		expect(outcome).toMatchObject({ answer: { text: `${workspacePath}\n{"agent_rules_paths":{"skills":["a"]}}` } });
	});

	test("keeps a huge answer in a file", async () => {
		const { target } = localTarget("{provider: cli, command: \"head -c 12000000 /dev/zero | tr '\\\\0' x\"}");
		const outcome = await target.invoke(question());
		if (!outcome.ok || outcome.answer.textFile === undefined) throw new Error("no file");
		expect(outcome.answer.text).toHaveLength(10 * 1024 * 1024);
		expect(readFileSync(outcome.answer.textFile)).toHaveLength(12_000_000);
	});

	test("also ends grandchildren that ignore SIGTERM", async () => {
		const { target, root } = localTarget(
			`{provider: cli, command: "(trap '' TERM; sh -c 'trap \\"\\" TERM; echo $$ > pid; sleep 60' & wait) & wait"}`,
		);
		const abort = new AbortController();
		const running = target.invoke(question({ signal: abort.signal }));
		await waitUntil(() => readFileSync(join(root, "pid"), "utf8").endsWith("\n"));
		abort.abort();
		expect(await running).toMatchObject({ ok: false, failure: { code: "interrupted" } });
		expect(isAlive(Number(readFileSync(join(root, "pid"), "utf8")))).toBe(false);
	});
});

describe("a replay target", () => {
	const fixtures = [
		{ test_id: "t", attempt: 2, output: "second try" },
		{ test_id: "t", output: "first turn" },
		{ test_id: "t", output: [{ role: "assistant", content: "second turn" }] },
	];

	test("answers by attempt, then by turn", async () => {
		const { target } = localTarget("{provider: replay, fixtures: ./a.jsonl}", {
			"a.jsonl": fixtures.map((row) => JSON.stringify(row)).join("\n"),
		});
		expect(await target.invoke(question({ attempt: 2 }))).toMatchObject({ answer: { text: "second try" } });
		expect(await target.invoke(question({ attempt: 1 }))).toMatchObject({ answer: { text: "first turn", session: 1 } });
		expect(await target.invoke(question({ session: 1 }))).toMatchObject({ answer: { text: "second turn" } });
		expect(await target.invoke(question({ testId: "other" }))).toMatchObject({ failure: { code: "not-recorded" } });
	});

	test("reports the line that it can't read", async () => {
		const { target } = localTarget("{provider: replay, fixtures: ./a.jsonl}", {
			"a.jsonl": '{"test_id": "t", "output": "x"}\n{]\n',
		});
		expect(await target.check(new AbortController().signal)).toMatchObject({
			message: expect.stringMatching(/a\.jsonl:2: /),
		});
	});
});
