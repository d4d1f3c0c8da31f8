import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { message, request, targetFrom } from "../testing/target-from.ts";
import { acp } from "./acp.ts";

const agent = fileURLToPath(new URL("../testing/fixtures/acp-agent.mjs", import.meta.url));
const command = [process.execPath, agent];
const started = (settings: object = {}) => targetFrom(acp, { command, ...settings }, { env: {} });

describe("an ACP agent over stdio", () => {
	it("edits a file of the workspace through the client, and its actions are recorded", async () => {
		const workspacePath = tempTree({ "greet.js": "console.log('helo')" });
		const outcome = await started().invoke(request("edit it", { workspacePath }));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "The greeting is fixed.",
				messages: [
					{
						role: "assistant",
						content: "I'll look at it.",
						toolCalls: [
							{ tool: "edit", id: "call_1", input: { path: join(workspacePath, "greet.js") }, output: { ok: true } },
						],
					},
					{ role: "assistant", content: "The greeting is fixed." },
				],
				tokenUsage: { input: 100, output: 20, cached: 60 },
				costUsd: 0.02,
				metadata: { finish_reason: "end_turn", agent: "tiny 0.1" },
			},
		});
		expect(readFileSync(join(workspacePath, "greet.js"), "utf8")).toBe("console.log('hello')");
	});

	it.each<[unknown, boolean]>([
		["allow", true],
		["reject", false],
		[{ edit: "reject" }, false],
		[{ execute: "reject" }, true],
		[{ read: "allow" }, false],
		[{ edit: "allow", default: "reject" }, true],
	])("gets permissions according to the target: %j", async (permissions, allowed) => {
		const workspacePath = tempTree({ "greet.js": "helo" });
		const outcome = await started({ permissions }).invoke(request("edit it", { workspacePath }));
		expect(outcome.ok && outcome.answer.text).toBe(allowed ? "The greeting is fixed." : "I may not.");
		expect(readFileSync(join(workspacePath, "greet.js"), "utf8")).toBe(allowed ? "hello" : "helo");
	});

	it("accesses only files inside the workspace, even through links", async () => {
		const outside = tempTree({ "secret.txt": "secret" });
		const workspacePath = tempTree({ "a.txt": "a" });
		symlinkSync(join(outside, "secret.txt"), join(workspacePath, "link.txt"));
		symlinkSync(join(outside, "new.txt"), join(workspacePath, "dangling.txt"));
		symlinkSync(outside, join(workspacePath, "folder"));
		const paths = ["a.txt", "../x.txt", "link.txt", "dangling.txt", "folder/secret.txt", "sub/new.txt"];
		const absolute = [...paths.map((path) => join(workspacePath, path)), join(outside, "secret.txt")];
		const outcome = await started().invoke(request(`reach ${absolute.join(" ")}`, { workspacePath }));
		const lines = (outcome.ok ? outcome.answer.text : "").trim().split("\n");
		const reached = lines.filter((line) => line.endsWith(": reached")).map((line) => line.split("/").slice(-1)[0]);
		expect(reached).toEqual(["a.txt: reached", "a.txt: reached", "new.txt: reached"]);
		expect(lines).toHaveLength(14);
		expect(readFileSync(join(outside, "secret.txt"), "utf8")).toBe("secret");
		expect(existsSync(join(outside, "new.txt"))).toBe(false);
		expect(readFileSync(join(workspacePath, "sub/new.txt"), "utf8")).toBe("mine");
	});

	it("continues a session that it can load with only the new messages", async () => {
		const messages = [message("user", "first"), message("assistant", "yes"), message("user", "second")];
		const loading = await started({ env: { ACP_LOADS: "1" } }).invoke(request(messages, { session: "s-0" }));
		expect(loading.ok && loading.answer).toMatchObject({
			session: "s-0",
			text: expect.stringContaining('"text":"second"'),
		});
		expect(loading.ok && loading.answer.text).not.toContain("first");
		const plain = await started().invoke(request(messages, { session: "s-0" }));
		expect(plain.ok && plain.answer.text).toContain("first");
	});

	it("receives keys through its environment, and files as links", async () => {
		const settings = { env: { AGENT_KEY: "k-1" }, system_prompt: "Be brief." };
		const outcome = await started(settings).invoke(request("what?", { files: ["/data/a b.md"] }));
		expect(outcome.ok && outcome.answer.text).toContain("key: k-1");
		expect(outcome.ok && outcome.answer.text).toContain("Be brief.\\n\\nwhat?");
		expect(outcome.ok && outcome.answer.text).toContain("file:///data/a%20b.md");
	});

	it("ends at the time limit, with its child processes", async () => {
		const workspacePath = tempTree();
		const controller = new AbortController();
		const running = started().invoke(request("hang", { workspacePath, signal: controller.signal }));
		await waitUntil(() => existsSync(join(workspacePath, "pids")));
		controller.abort();
		expect(await running).toMatchObject({ ok: false, failure: { code: "interrupted" } });
		const pids = readFileSync(join(workspacePath, "pids"), "utf8").split(" ").map(Number);
		for (const pid of pids) await waitUntil(() => !isAlive(pid));
	});

	it.each([
		["crash", {}, "exit-code", "out of cheese"],
		["fail", {}, "agent-failed", "the model is down"],
		["cancel", {}, "agent-failed", "cancelled its turn"],
		["anything", { env: { ACP_LOGIN: "1" } }, "auth", "requires authentication"],
	])("fails with a reason: %s", async (words, settings, code, said) => {
		const outcome = await started(settings).invoke(request(words));
		expect(outcome).toMatchObject({ ok: false, failure: { code } });
		expect(!outcome.ok && outcome.failure.message).toContain(said);
	});

	it.each([
		["refusal", "refusal"],
		["max_tokens", "length"],
		["max_turn_requests", "max_turns"],
		["end_turn", undefined],
	])("reports why a turn ended: %s", async (reason, stopReason) => {
		const outcome = await started().invoke(request(`stop: ${reason}`));
		expect(outcome).toMatchObject({ ok: true });
		expect(outcome.ok && outcome.answer.stopReason).toBe(stopReason);
		// Incomplete token usage is omitted.
		expect(outcome).not.toHaveProperty("answer.tokenUsage");
	});

	it("may print output that is not a protocol message", async () => {
		expect(await started().invoke(request("chatter"))).toMatchObject({ ok: true, answer: { text: "quiet now" } });
	});

	it("fails with its output if it doesn't support the protocol", async () => {
		const mute = targetFrom(acp, {
			command: [process.execPath, "-e", "console.error('not an agent'); process.exit(1)"],
		});
		const outcome = await mute.invoke(request("hello"));
		expect(outcome).toMatchObject({ ok: false, failure: { code: "exit-code" } });
		expect(!outcome.ok && outcome.failure.message).toContain("not an agent");
		const missing = targetFrom(acp, { command: ["/nonexistent/agent"] });
		expect(await missing.invoke(request("hello"))).toMatchObject({ ok: false, failure: { code: "not-found" } });
		const quiet = targetFrom(acp, { command: [process.execPath, "-e", "0"] });
		expect(await quiet.invoke(request("hello"))).toMatchObject({ ok: false });
	});
});
