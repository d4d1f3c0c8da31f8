import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

const withHook = (name: string, hook: string) => `workspace: { template: ./t, hooks: { ${name}: ${hook} } }`;

/** Prepares and opens a workspace with one before_each hook. */
async function opened(hook: string, files: Record<string, string> = {}) {
	const fixture = workspaceFixture(withHook("before_each", hook), { "t/a": "1", ...files });
	const base = await prepareWorkspaceBase(fixture.spec, fixture.services);
	const metadata = { diff_file: "x.diff", camelCase: { kept_as: "is" } };
	const workspace = await base.open(aTest("it's $(me)", { metadata, input: [{ role: "user", content: "hi" }] }));
	return { ...fixture, base, workspace };
}

test("a hook receives its input by stdin, environment and arguments", async () => {
	const script = `
		import { readFileSync, writeFileSync } from "node:fs";
		const stdin = JSON.parse(readFileSync(0, "utf8"));
		const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("AGENTV_")));
		writeFileSync("told.json", JSON.stringify({ stdin, env, args: process.argv.slice(2), cwd: process.cwd() }));`;
	const hook = `{ command: "node ./tell.mjs {{workspace_path}} {{ test_id }} --run={{eval_run_id}}" }`;
	const { root, base, workspace } = await opened(hook, { "tell.mjs": script });
	await workspace.before();
	const metadata = { diff_file: "x.diff", camelCase: { kept_as: "is" } };
	expect(JSON.parse(readFileSync(join(root, "told.json"), "utf8"))).toEqual({
		stdin: {
			...{ workspace_path: workspace.path, test_id: "it's $(me)", eval_run_id: "run-1" },
			...{ case_input: [{ role: "user", content: "hi" }], case_metadata: metadata, metadata },
		},
		env: {
			AGENTV_WORKSPACE_PATH: workspace.path,
			AGENTV_EXPERIMENT: "default",
			AGENTV_RUN_TIMESTAMP: "2026-01-01T00:00:00Z",
		},
		args: [workspace.path, "it's $(me)", "--run=run-1"],
		cwd: root,
	});
	await base.close();
});

describe("a failing before-hook makes the test an execution error", () => {
	test.each([
		["by its exit code", `{ command: "echo broken >&2; exit 3" }`, "exit-code", "exited with code 3: broken"],
		["by a signal", `{ command: "kill -9 $$" }`, "signal", "was ended by SIGKILL"],
		["because its program is missing", `{ command: [no-such-program] }`, "not-found", "no-such-program was not found"],
		["by its time limit", `{ command: [sleep, "30"], timeout_ms: 200 }`, "timeout", "within 200 ms"],
		[
			"even if it ignores SIGTERM",
			`{ command: "trap '' TERM; while :; do sleep 0.1; done", timeout_ms: 200 }`,
			...["timeout", "was ended"],
		],
	])("%s", async (_, hook, reason, message) => {
		const { base, workspace } = await opened(hook);
		const started = Date.now();
		await expect(workspace.before()).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "before_each", reason, message: expect.stringContaining(message) },
		});
		expect(Date.now() - started).toBeLessThan(8000);
		await base.close();
	});
});

test("a failing after-hook is a warning, and the others still run", async () => {
	const text = `
workspace:
  template: ./t
  hooks:
    after_each: { command: [sh, -c, "exit 4"] }
    after_all: { command: [no-such-program] }`;
	const { spec, services } = workspaceFixture(text, { "t/a": "1" });
	const base = await prepareWorkspaceBase(spec, services);
	const workspace = await base.open(aTest("t"));
	await workspace.before();
	expect(await workspace.after()).toEqual([
		{ stage: "after_each", code: "exit-code", message: "the after_each hook exited with code 4" },
	]);
	await workspace.close({ keep: false });
	expect(await base.close()).toMatchObject([{ stage: "after_all", code: "not-found" }]);
});

test("a failing before_all fails all tests, and after_all still cleans up", async () => {
	const text = `
workspace:
  hooks:
    before_all: { command: [sh, -c, "echo no >&2; exit 1"] }
    after_all: { command: [touch, taken-down] }`;
	const { root, spec, services } = workspaceFixture(text);
	await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
		stage: "before_all",
		reason: "exit-code",
	});
	expect(existsSync(join(root, "taken-down"))).toBe(true);
});

describe("a daemon that a hook starts", () => {
	const daemon = `{ command: "sleep 60 >/dev/null 2>&1 & echo $! > daemon.pid" }`;
	const pidIn = (root: string) => Number(readFileSync(join(root, "daemon.pid"), "utf8"));

	test("in before_each runs until the test ends", async () => {
		const { root, base, workspace } = await opened(daemon);
		await workspace.before();
		expect(isAlive(pidIn(root))).toBe(true);
		await workspace.close({ keep: false });
		await waitUntil(() => !isAlive(pidIn(root)));
		await base.close();
	});

	test("in before_all runs until the run ends", async () => {
		const { root, spec, services } = workspaceFixture(withHook("before_all", daemon), { "t/a": "1" });
		const base = await prepareWorkspaceBase(spec, services);
		await (await base.open(aTest("t"))).close({ keep: false });
		expect(isAlive(pidIn(root))).toBe(true);
		await base.close();
		await waitUntil(() => !isAlive(pidIn(root)));
	});
});

test("a hook may print a gigabyte", async () => {
	const { base, workspace } = await opened(`{ command: "head -c 1073741824 /dev/zero; exit 5", timeout_ms: 60000 }`);
	const before = process.memoryUsage.rss();
	await expect(workspace.before()).rejects.toMatchObject({ reason: "exit-code" });
	expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
	await base.close();
});

test("Ctrl-C ends a running hook with its process group, and is not a failure of the hook", async () => {
	const { base, workspace, abort, root } = await opened(`{ command: "sh -c 'echo $$ > pid; sleep 60' & wait" }`);
	const running = workspace.before();
	await waitUntil(() => existsSync(join(root, "pid")));
	abort.abort();
	await expect(running).rejects.toMatchObject({ code: "interrupted" });
	expect(isAlive(Number(readFileSync(join(root, "pid"), "utf8")))).toBe(false);
	await base.close();
});
