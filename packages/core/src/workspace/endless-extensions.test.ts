import { expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

const endless: readonly [string, string, string][] = [
	["a promise that never settles", "ext.mjs", "export const HOOK = () => new Promise(() => {});"],
	[
		"a promise that never settles, with a timer",
		"ext.mjs",
		"export const HOOK = () => new Promise(() => setInterval(() => {}, 50));",
	],
	["a loop", "ext.mjs", "export const HOOK = () => { for (;;); };"],
	[
		"a module that never loads",
		"ext.mjs",
		"await new Promise(() => setInterval(() => {}, 50)); export const HOOK = () => {};",
	],
	[
		"a loop that ignores signals",
		"ext.mjs",
		"process.on('SIGTERM', () => {}); export const HOOK = async () => { await new Promise(() => setInterval(() => {}, 50)); };",
	],
	["a Python loop", "ext.py", "def HOOK(context):\n    while True: pass\n"],
	[
		"a Python child process that remains",
		"ext.py",
		"import subprocess\ndef HOOK(context):\n    subprocess.run(['sleep', '600'])\n",
	],
	[
		"endless output",
		"ext.mjs",
		"import { writeSync } from 'node:fs'; export const HOOK = async () => { for (;;) { try { writeSync(4, 'x'.repeat(65536)); } catch { await new Promise((next) => setTimeout(next, 1)); } } };",
	],
];

function fixture(file: string, source: string, hook: string) {
	const entry = `{ id: "file://${file}:${hook}", timeout_ms: 700 }`;
	return workspaceFixture(`extensions: [${entry}]\nworkspace: { template: ./t }`, {
		"t/a": "1",
		[file]: source.replaceAll("HOOK", hook),
	});
}

test.for(endless)("beforeAll of %s ends at its time limit", { timeout: 20_000 }, async ([, file, source]) => {
	const { spec, services } = fixture(file, source, "beforeAll");
	await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({ stage: "before_all", reason: "timeout" });
});

test.for(endless)("afterEach of %s ends at its time limit", { timeout: 20_000 }, async ([, file, source]) => {
	const { spec, services } = fixture(file, source, "afterEach");
	const base = await prepareWorkspaceBase(spec, services);
	const workspace = await base.open(aTest("one"));
	await workspace.before();
	expect(await workspace.after()).toMatchObject([{ stage: "after_each", code: "timeout" }]);
	await workspace.close({ keep: false });
	await base.close();
});

test("pending timers of a module do not block the run", { timeout: 20_000 }, async () => {
	const source = "export const beforeAll = () => { setInterval(() => {}, 1000); };";
	const { spec, services } = fixture("ext.mjs", source, "beforeAll");
	await (await prepareWorkspaceBase(spec, services)).close();
});

test.for([
	["not JSON", "writeSync(4, 'nonsense\\n\\n');", "wrote a response that is not JSON"],
	["JSON that is too deep", "writeSync(4, '['.repeat(100000) + ']'.repeat(100000) + '\\n\\n');", "levels of values"],
] as const)("a response that is %s is an error of the extension", async ([, write, message]) => {
	const source = `import { writeSync } from "node:fs"; export const beforeAll = () => { ${write} };`;
	const { spec, services } = fixture("ext.mjs", source, "beforeAll");
	await expect(prepareWorkspaceBase(spec, services)).rejects.toThrow(message);
});
