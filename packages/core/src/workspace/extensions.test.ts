import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

/** Creates an eval with one module and the hooks that it exports. */
function withModule(source: string, hooks = ["beforeAll", "beforeEach"], module = "ext.mjs", more = "") {
	const entries = hooks.map((hook) => `file://${module}:${hook}`).join(", ");
	return workspaceFixture(`extensions: [${entries}]\nworkspace: { template: ./t${more} }`, {
		"t/a": "1",
		[module]: source,
	});
}

describe("an extension file://module:function", () => {
	test("receives the context and passes on its return value", async () => {
		const source = `
			export const beforeAll = (context) => ({ provider_context: { server: "up", at: context.workspace_path + "/a" } });
			export async function beforeEach(context, { hookName }) {
				return { provider_context: { hookName }, metadata: { context }, agent_rules_paths: { rules: ["/r"] } };
			}
			export const afterEach = () => ({ metadata: { after: true } });`;
		const { spec, services, root } = withModule(
			source,
			["beforeAll", "beforeEach", "afterEach"],
			"ext.mjs",
			", isolation: per_test",
		);
		const base = await prepareWorkspaceBase(spec, services);
		const workspace = await base.open(aTest("one", { metadata: { Key: 1 } }));
		await workspace.before();
		expect(workspace.providerContext).toEqual({
			...{ server: "up", at: `${workspace.path}/a`, hookName: "beforeEach", agent_rules_paths: { rules: ["/r"] } },
		});
		await workspace.after();
		expect(workspace.metadata).toEqual({
			after: true,
			agent_rules_paths: { rules: ["/r"] },
			context: {
				...{ hook_name: "beforeEach", workspace_path: workspace.path, test_id: "one", eval_run_id: "run-1" },
				...{ eval_dir: root, case_input: "hi", case_metadata: { Key: 1 }, agent_rules_paths: {} },
				provider_context: { server: "up", at: `${workspace.path}/a` },
			},
		});
		const other = await base.open(aTest("two"));
		expect(other.providerContext).toEqual({ server: "up", at: `${other.path}/a` });
		await base.close();
	});

	test("in Python may omit arguments", async () => {
		const source = `
def beforeAll():
    return {"metadata": {"none": True}}
def beforeEach(context):
    return {"metadata": {"one": context["test_id"]}}
def afterEach(context, info):
    return {"metadata": {"two": info["hookName"]}}
def afterAll(context, info, missing):
    pass
`;
		const { spec, services } = withModule(source, ["beforeAll", "beforeEach", "afterEach", "afterAll"], "ext.py");
		const base = await prepareWorkspaceBase(spec, services);
		const workspace = await base.open(aTest("t"));
		await workspace.before();
		await workspace.after();
		expect(workspace.metadata).toEqual({ none: true, one: "t", two: "afterEach" });
		await workspace.close({ keep: false });
		expect(await base.close()).toMatchObject([
			{ message: expect.stringContaining("missing 1 required positional argument: 'missing'") },
		]);
	});

	test.each([
		["throws", "throw new Error('no database')", "extension-error", "failed: no database"],
		["exits", "console.error('bye'); process.exit(7)", "extension-crash", "it exited with code 7\nbye"],
		["exits with code 0", "process.exit(0)", "extension-crash", "it exited with code 0"],
		["kills itself", "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})", "extension-crash", "SIGKILL"],
		[
			"has an unhandled rejection",
			"Promise.reject(new Error('lost')); await new Promise(() => setTimeout(() => {}, 1e6))",
			"extension-crash",
			"lost",
		],
		["returns a string", "return 'text'", "extension-error", "what it returned is not an object"],
		["returns a value that is not JSON", "const a = {}; a.a = a; return a", "extension-error", "circular"],
		["returns invalid rules", "return { agent_rules_paths: { skils: [] } }", "extension-error", "skils"],
	])("that %s fails only that test, and a new process continues", async (_, code, reason, message) => {
		const source = `
			let calls = 0;
			export async function beforeEach(context) {
				calls += 1;
				if (context.test_id === "bad") { ${code} }
				return { metadata: { calls } };
			}`;
		const { spec, services } = withModule(source, ["beforeEach"]);
		const base = await prepareWorkspaceBase(spec, services);
		for (const id of ["good", "bad", "next"]) {
			const workspace = await base.open(aTest(id));
			if (id !== "bad") await workspace.before();
			else
				await expect(workspace.before()).rejects.toMatchObject({
					...{ code: "not-runnable", stage: "before_each", reason, message: expect.stringContaining(message) },
				});
			if (id === "next") expect(workspace.metadata).toEqual({ calls: reason === "extension-crash" ? 1 : 3 });
			await workspace.close({ keep: false });
		}
		expect(await base.close()).toEqual([]);
	});

	test("that crashes affects only its own test, even with concurrent calls", async () => {
		const source = `
			export async function beforeEach(context) {
				await new Promise((resolve) => setTimeout(resolve, 20));
				if (context.test_id === "3") process.exit();
				return { metadata: { id: context.test_id } };
			}`;
		const { spec, services } = withModule(source, ["beforeEach"], "ext.mjs", ", isolation: per_test");
		const base = await prepareWorkspaceBase(spec, services);
		const outcomes = await Promise.allSettled(
			["1", "2", "3", "4", "5"].map(async (id) => {
				const workspace = await base.open(aTest(id));
				await workspace.before();
				return workspace.metadata.id;
			}),
		);
		expect(outcomes.map((one) => (one.status === "fulfilled" ? one.value : "failed"))).toEqual([
			...["1", "2", "failed", "4", "5"],
		]);
		await base.close();
	});

	test("may print anything and leave a child process, which ends with the run", async () => {
		const source = `
			import { spawn } from "node:child_process";
			export function beforeAll() {
				console.log("hello"); process.stdout.write("{}\\n\\n");
				const child = spawn("sleep", ["60"], { stdio: "ignore" });
				return { metadata: { pid: child.pid } };
			}`;
		const { spec, services, lines } = withModule(source, ["beforeAll"]);
		const base = await prepareWorkspaceBase(spec, services);
		const { metadata } = await base.open(aTest("one"));
		expect(isAlive(Number(metadata.pid))).toBe(true);
		await base.close();
		await waitUntil(() => !isAlive(Number(metadata.pid)));
		expect(lines.filter((line) => line !== "")).toEqual(["hello", "{}"]);
	});

	test("may be Python", async () => {
		const source = `
state = []
def beforeEach(context, info):
    state.append(context["test_id"])
    return {"metadata": {"seen": state, "hook": info["hookName"]}}
`;
		const { spec, services } = withModule(source, ["beforeEach"], "ext.py");
		const base = await prepareWorkspaceBase(spec, services);
		const workspace = await base.open(aTest("ü"));
		await workspace.before();
		expect(workspace.metadata).toEqual({ seen: ["ü"], hook: "beforeEach" });
		await base.close();
	});

	test.each([
		["a missing function", "ext.mjs", "export const other = 1;", "it has no exported function beforeAll"],
		["a syntax error", "ext.mjs", "export const = ;", "failed:"],
		["TypeScript without a runner", "ext.ts", "export const beforeAll = 1;", "needs bun or tsx"],
	])("reports an error: %s", async (_, module, source, message) => {
		const { spec, services } = withModule(source, ["beforeAll"], module);
		const env = { PATH: tempTree() };
		await expect(prepareWorkspaceBase(spec, { ...services, env })).rejects.toMatchObject({
			...{ stage: "before_all", message: expect.stringContaining(message) },
		});
	});
});

describe("agentv:agent-rules", () => {
	test("finds the rules that a workspace has", async () => {
		const { spec, services } = workspaceFixture(
			"extensions: [agentv:agent-rules]\nworkspace: { template: ./t, isolation: per_test }",
			{ "t/.claude/skills/csv/SKILL.md": "", "t/AGENTS.md": "", "t/agents/x.md": "" },
		);
		const base = await prepareWorkspaceBase(spec, services);
		const workspace = await base.open(aTest("one"));
		await workspace.before();
		const rules = {
			...{ skills: [`${workspace.path}/.claude/skills`], hooks: [] },
			...{ agents: [`${workspace.path}/agents`], rules: [`${workspace.path}/AGENTS.md`] },
		};
		expect(workspace.providerContext).toEqual({ agent_rules_paths: rules });
		expect(workspace.metadata).toEqual({ agent_rules_paths: rules });
		await base.close();
	});

	const staging = (paths: string, files: Record<string, string> = {}) =>
		workspaceFixture(
			`extensions: [{ id: agentv:agent-rules, hook: beforeAll, ${paths} }]\nworkspace: { template: ./t }`,
			{ "t/a": "1", ...files },
		);

	test("stages files and folders for the agent as part of the baseline", async () => {
		const { spec, services } = staging("skills: [rules/csv], rules: rules/STYLE.md", {
			"rules/csv/SKILL.md": "skill",
			"rules/STYLE.md": "style",
		});
		const base = await prepareWorkspaceBase(spec, services);
		const workspace = await base.open(aTest("one"));
		await workspace.before();
		const staged = join(workspace.path, ".agentv/agent-rules");
		expect(readFileSync(join(staged, "skills/csv/SKILL.md"), "utf8")).toBe("skill");
		expect(workspace.metadata.agent_rules_paths).toEqual({
			...{ skills: [join(staged, "skills/csv")], rules: [join(staged, "rules/STYLE.md")] },
		});
		expect(await workspace.fileChanges()).toBeUndefined();
		await base.close();
	});

	test("refuses missing files and writes outside of the workspace", async () => {
		const missing = staging("rules: nowhere.md");
		await expect(prepareWorkspaceBase(missing.spec, missing.services)).rejects.toMatchObject({ reason: "not-found" });
		const outside = tempTree();
		const leading = staging("rules: x.md", { "x.md": "" });
		const hook = join(leading.root, "t/.agentv");
		symlinkSync(outside, hook);
		await expect(prepareWorkspaceBase(leading.spec, leading.services)).rejects.toMatchObject({
			...{ stage: "template", reason: "path.symlink-escape" },
		});
		expect(readdirSync(outside)).toEqual([]);
		expect(existsSync(leading.services.directory) ? readdirSync(leading.services.directory) : []).toEqual([]);
	});
});
