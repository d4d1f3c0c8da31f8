import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { claude } from "./providers/claude.ts";
import { codex } from "./providers/codex.ts";
import { copilot } from "./providers/copilot.ts";
import { pi } from "./providers/pi.ts";
import { type FakeAgentScript, fakeAgent } from "./testing/fake-agent.ts";
import { request, targetFrom } from "./testing/target-from.ts";

const key = "sk-of-this-agent-0123456789";
const message = { role: "assistant", content: [{ type: "text", text: "done" }] };

/** Each agent with the shortest stream that is an answer. */
const agents = [
	{
		name: "claude",
		make: (settings: object, env: Record<string, string>, directory?: string) =>
			targetFrom(claude, { ...settings }, { env, ...(directory ? { directory } : {}) }),
		lines: [
			{ type: "assistant", message },
			{ type: "result", subtype: "success", is_error: false, result: "done" },
		],
		keyVariable: "ANTHROPIC_API_KEY",
	},
	{
		name: "codex",
		make: (settings: object, env: Record<string, string>, directory?: string) =>
			targetFrom(codex, { ...settings }, { env, ...(directory ? { directory } : {}) }),
		lines: [
			{ type: "item.completed", item: { id: "1", type: "agent_message", text: "done" } },
			{ type: "turn.completed" },
		],
		keyVariable: "CODEX_API_KEY",
	},
	{
		name: "copilot",
		make: (settings: object, env: Record<string, string>, directory?: string) =>
			targetFrom(copilot, { ...settings }, { env, ...(directory ? { directory } : {}) }),
		lines: [{ type: "assistant.message", data: { content: "done" } }],
		keyVariable: "COPILOT_GITHUB_TOKEN",
	},
	{
		name: "pi",
		make: (settings: object, env: Record<string, string>, directory?: string) =>
			targetFrom(pi, { subprovider: "anthropic", ...settings }, { env, ...(directory ? { directory } : {}) }),
		lines: [{ type: "message_end", message }, { type: "agent_end" }],
		keyVariable: "ANTHROPIC_API_KEY",
	},
];

describe.each(agents)("$name", ({ name, make, lines, keyVariable }) => {
	const started = (script: Partial<FakeAgentScript> = {}, settings: object = {}, env: Record<string, string> = {}) => {
		const agent = fakeAgent(name, { lines, ...script });
		return { agent, target: make({ executable: agent.path, ...settings }, env) };
	};

	it("runs in the workspace and may change it", async () => {
		const workspacePath = tempTree({ "greet.js": "helo" });
		const { agent, target } = started({ writes: { "greet.js": "hello" } });
		expect(await target.invoke(request("fix", { workspacePath }))).toMatchObject({
			ok: true,
			answer: { text: "done" },
		});
		expect(agent.calls()[0]?.cwd).toBe(workspacePath);
		expect(readFileSync(join(workspacePath, "greet.js"), "utf8")).toBe("hello");
	});

	it("receives its key through its environment, never through its arguments, and no other keys", async () => {
		const foreign = { MISTRAL_API_KEY: "key-of-mistral-012345", PLAIN: "kept" };
		const { agent, target } = started({}, { api_key: key, env: { EXTRA: "given" } }, foreign);
		await target.invoke(request("fix"));
		const [call] = agent.calls();
		expect(call?.env[keyVariable]).toBe(key);
		expect(call?.argv.join(" ")).not.toContain(key);
		expect(call?.env["MISTRAL_API_KEY"]).toBeUndefined();
		expect(call?.env).toMatchObject({ PLAIN: "kept", EXTRA: "given" });
	});

	it("reports its version", async () => {
		const { target } = started({}, { model: "m-1" });
		expect(await target.describe?.(AbortSignal.timeout(10_000))).toEqual({
			version: "1.2.3 (Fake Agent)",
			model: "m-1",
		});
	});

	it("ends at the time limit, with its child processes", async () => {
		const { agent, target } = started({ hangs: true });
		const controller = new AbortController();
		const running = target.invoke(request("fix", { signal: controller.signal }));
		await waitUntil(() => agent.calls().length === 1);
		controller.abort();
		expect(await running).toMatchObject({ ok: false, failure: { code: "interrupted" } });
		const [call] = agent.calls();
		for (const pid of [call?.pid, call?.childPid]) await waitUntil(() => pid !== undefined && !isAlive(pid));
	});

	it("ignores other output, unknown events and malformed events", async () => {
		const noise = [
			"Welcome!",
			"{",
			'{"type":',
			'{"type":7}',
			"[1]",
			{ type: "news" },
			{ type: "assistant", message: 7 },
		];
		const odd = [{ type: "item.completed" }, { type: "message_end", message: { role: "assistant", content: "text" } }];
		const more = [
			{ type: "tool.execution_complete", data: [] },
			{ type: "user", message: { content: [null, 7] } },
		];
		const { target } = started({ lines: [...noise, ...odd, ...more, ...lines] });
		expect(await target.invoke(request("fix"))).toMatchObject({ ok: true, answer: { text: "done" } });
	});

	it("accepts very long events", async () => {
		const long = JSON.stringify(lines[0]).replace("done", "x".repeat(3_000_000));
		const { target } = started({ lines: [long, ...lines.slice(1)] });
		const outcome = await target.invoke(request("fix"));
		expect(outcome.ok && outcome.answer.messages[0]?.content).toHaveLength(3_000_000);
	});

	it("accepts prompts that are longer than an argument can be", async () => {
		const { agent, target } = started();
		await target.invoke(request("y".repeat(1_000_000)));
		expect(agent.calls()[0]?.stdin).toHaveLength(1_000_000);
	});

	it("fails with its output if it prints no event", async () => {
		const { target } = started({ lines: ["starting"], exitCode: 3, stderr: "not logged in" });
		const outcome = await target.invoke(request("fix"));
		expect(outcome.ok).toBe(false);
		expect(!outcome.ok && outcome.failure.message).toContain("not logged in");
	});

	it("is an error before any test if it is missing", async () => {
		const missing = make({ executable: `no-such-${name}` }, { PATH: "/usr/bin" });
		expect(await missing.check(AbortSignal.timeout(1000))).toMatchObject({
			message: expect.stringContaining("not found"),
		});
		expect(existsSync(`no-such-${name}`)).toBe(false);
	});
});
