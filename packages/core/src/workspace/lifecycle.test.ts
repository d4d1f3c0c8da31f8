import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

/** Appends its stdin to the log next to the eval. */
const hook = `
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
const told = JSON.parse(readFileSync(0, "utf8"));
appendFileSync(new URL("log", import.meta.url), process.argv[2] + " " + told.test_id + "\\n");
writeFileSync(process.env.AGENTV_WORKSPACE_PATH + "/" + process.argv[2], told.test_id);
`;
const extension = `
import { appendFileSync } from "node:fs";
let calls = 0;
const say = (name) => (context, { hookName }) => {
	calls += 1;
	appendFileSync(new URL("log", import.meta.url), hookName + " " + context.test_id + " call " + calls + "\\n");
};
export const [beforeAll, beforeEach, afterEach, afterAll] = ["beforeAll", "beforeEach", "afterEach", "afterAll"].map(say);
`;
const everything = (isolation: string) => `
extensions: [file://ext.mjs:afterAll, file://ext.mjs:beforeAll, file://ext.mjs:beforeEach, file://ext.mjs:afterEach]
workspace:
  template: ./template
  isolation: ${isolation}
  hooks:
    before_all: { command: [node, ./hook.mjs, before_all] }
    before_each: { command: node ./hook.mjs before_each }
    after_each: { command: [node, hook.mjs, after_each] }
    after_all: { command: "node ./hook.mjs after_all" }
`;
const files = { "ext.mjs": extension, "hook.mjs": hook, "template/a.txt": "one\n" };

describe.each(["shared", "per_test"])("a %s workspace", (isolation) => {
	test("runs extensions and hooks in order, extensions first", async () => {
		const { root, spec, services } = workspaceFixture(everything(isolation), files);
		const base = await prepareWorkspaceBase(spec, services);
		for (const id of ["one", "two"]) {
			const workspace = await base.open(aTest(id));
			await workspace.before();
			writeFileSync(join(workspace.path, "answer.txt"), id);
			const diff = (await workspace.fileChanges())?.shown;
			expect(diff?.match(/^diff .*$/gm)).toEqual(["diff --git a/answer.txt b/answer.txt"]);
			expect(await workspace.after()).toEqual([]);
			await workspace.close({ keep: false });
		}
		expect(await base.close()).toEqual([]);
		expect(readFileSync(join(root, "log"), "utf8").split("\n")).toEqual([
			...["beforeAll __before_all__ call 1", "before_all __before_all__"],
			...["beforeEach one call 2", "before_each one", "afterEach one call 3", "after_each one"],
			...["beforeEach two call 4", "before_each two", "afterEach two call 5", "after_each two"],
			...["afterAll __after_all__ call 6", "after_all __after_all__", ""],
		]);
		expect(readdirSync(services.directory)).toEqual([]);
	});

	test("starts clean for each test, with the changes of before_all but not of before_each in the baseline", async () => {
		const { spec, services } = workspaceFixture(everything(isolation), files);
		const base = await prepareWorkspaceBase(spec, services);
		for (const id of ["one", "two"]) {
			const workspace = await base.open(aTest(id));
			const { path } = workspace;
			expect(readdirSync(path).sort()).toEqual([".git", "a.txt", "before_all"]);
			expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("one\n");
			await workspace.before();
			expect(git(path, "status", "--porcelain")).toBe("?? before_each");
			writeFileSync(join(path, "a.txt"), "changed\n");
			writeFileSync(join(path, "new"), "");
			git(path, "add", "--all");
			git(path, "commit", "--quiet", "--message", "mine");
			git(path, "switch", "--quiet", "--create", "other");
			await workspace.after();
			await workspace.close({ keep: false });
		}
		await base.close();
	});

	test("is kept after the run if requested, and removed otherwise", async () => {
		const { spec, services } = workspaceFixture(everything(isolation), files);
		const base = await prepareWorkspaceBase(spec, services);
		const kept: (string | undefined)[] = [];
		for (const keep of [true, false]) {
			const workspace = await base.open(aTest(`${keep}`));
			await workspace.before();
			kept.push(await workspace.close({ keep }));
		}
		await base.close();
		expect(kept[1]).toBeUndefined();
		expect(existsSync(join(kept[0] ?? "", "a.txt"))).toBe(true);
		expect(git(kept[0] ?? "", "log", "--format=%s")).toBe("baseline");
		const home = join(services.directory, readdirSync(services.directory)[0] ?? "");
		expect(readdirSync(home)).toHaveLength(1);
	});
});

describe("reset", () => {
	const withHooks = (hooks: string) => `workspace: { template: ./t, hooks: ${hooks} }`;
	const tree = { "t/.gitignore": "cache/\n", "t/a": "1" };

	/** Returns what a second test finds after a first one wrote `cache/x`, `new` and `a`. */
	async function found(hooks: string): Promise<string[]> {
		const { spec, services } = workspaceFixture(withHooks(hooks), tree);
		const base = await prepareWorkspaceBase(spec, services);
		const first = await base.open(aTest("first"));
		await first.before();
		const { path } = first;
		mkdirSync(join(path, "cache"));
		for (const name of ["cache/x", "new", "a"]) writeFileSync(join(path, name), "2");
		await first.close({ keep: false });
		const second = await base.open(aTest("second"));
		await second.before();
		expect(await second.fileChanges()).toBeUndefined();
		writeFileSync(join(path, "a"), "3");
		if (existsSync(join(path, "cache/x"))) writeFileSync(join(path, "cache/x"), "3");
		const changed = (await second.fileChanges())?.shown.match(/^-[^-].*$/gm) ?? [];
		const names = readdirSync(path).filter((name) => !name.startsWith(".git"));
		await second.close({ keep: false });
		await base.close();
		return [...names, ...changed];
	}

	test("fast (default) keeps ignored files and removes the rest; changes are relative to the files found", async () => {
		expect(await found("{}")).toEqual(["a", "cache", "-1", "-2"]);
	});

	test("strict also removes ignored files", async () => {
		expect(await found("{ after_each: { reset: strict } }")).toEqual(["a", "-1"]);
	});

	test("none keeps everything without an error", async () => {
		expect(await found("{ after_each: { reset: none } }")).toEqual(["a", "cache", "new", "-2", "-2"]);
	});
});

test("a shared workspace is used by one test at a time", async () => {
	const { spec, services } = workspaceFixture("workspace: { template: ./t }", { "t/a": "1" });
	const base = await prepareWorkspaceBase(spec, services);
	expect(base.concurrency).toBe(1);
	const first = await base.open(aTest("first"));
	let opened = false;
	const second = base.open(aTest("second")).then((workspace) => {
		opened = true;
		return workspace;
	});
	await new Promise((resolve) => setTimeout(resolve, 50));
	expect(opened).toBe(false);
	await first.close({ keep: false });
	await (await second).close({ keep: false });
	await base.close();
});

test("hostile test ids never become paths", async () => {
	const { spec, services } = workspaceFixture("workspace: { template: ./t, isolation: per_test }", { "t/a": "1" });
	const base = await prepareWorkspaceBase(spec, services);
	const opened = await Promise.all(["../../x", "a/b", "x".repeat(5000), "nul\0"].map((id) => base.open(aTest(id))));
	for (const { path } of opened) expect(path).toMatch(/\/w-[0-9a-f]{16}$/);
	await base.close();
});
