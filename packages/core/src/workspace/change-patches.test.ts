import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
	closeSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitTestEnvironment, law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createRedactor } from "../lib/redact.ts";
import { digestFile } from "../machine/tree-notes.ts";
import { changesSince } from "./changed-files.ts";
import { applyChanges } from "./patch.ts";
import { type ChangeServices, ChangeStore, IgnoreRules, Pristine, takeSnapshot } from "./snapshot.ts";
import {
	change,
	files,
	holder,
	plainNames,
	rawNames,
	readTree,
	sorted,
	type Tree,
	trees,
} from "./testing/file-trees.ts";

/** Returns services that compare with a pristine tree. */
function services(home: string, pristineRoot: string): ChangeServices {
	const pristine = new Pristine(pristineRoot);
	const store = new ChangeStore(join(home, "changes.git"), gitTestEnvironment);
	return {
		pristine,
		store,
		rules: new IgnoreRules(pristine, store, join(home, "rules")),
		patchFile: () => join(home, "patch.diff"),
	};
}

/**
 * Returns the changes from `hooked`, which hooks made of `template`, to `after`, with the patch in
 * a file.
 */
async function patchBetween(home: string, template: Tree, hooked: Tree, after: Tree) {
	const one = services(home, holder(home, template));
	const root = join(home, "ws");
	const clean = await one.pristine.copyTo(root);
	change(root, template, hooked);
	const snapshot = await takeSnapshot(root, { clean, touched: true }, one);
	change(root, hooked, after);
	const changes = await changesSince(snapshot, root, one);
	const patchFile = join(home, "p.diff");
	if (changes)
		writeFileSync(patchFile, "text" in changes.patch ? changes.patch.text : readFileSync(changes.patch.file));
	return { ...one, changes, patchFile };
}

const directory = { kind: "directory" } as const;

test("the recorded patch reproduces any change of a target in a fresh copy, byte for byte", async () => {
	await fc.assert(
		fc.asyncProperty(trees(plainNames), trees(rawNames), trees(rawNames), async (template, hooked, after) => {
			const home = mkdtempSync(join(tmpdir(), "agentv-law-"));
			try {
				const { changes, patchFile, store } = await patchBetween(home, template, hooked, after);
				const rebuilt = holder(home, hooked);
				if (changes) await applyChanges(patchFile, rebuilt, { store });
				expect(sorted(readTree(rebuilt))).toEqual(sorted(after));
				// Git does not track empty directories.
				const patched = holder(home, new Map([...hooked].filter(([, { kind }]) => kind !== "directory")));
				if (changes && readFileSync(patchFile, "utf8").includes("diff --git"))
					execFileSync("git", ["apply", patchFile], {
						cwd: patched,
						env: { PATH: process.env["PATH"] },
						stdio: "pipe",
					});
				expect(files(readTree(patched))).toEqual(files(after));
			} finally {
				rmSync(home, { recursive: true, force: true });
			}
		}),
		{
			...law(200),
			examples: [
				// Removing the directory makes another one empty, whose name is not UTF-8.
				[new Map(), new Map([["raw\xff/a", directory]]), new Map([["raw\xff", directory]])],
			],
		},
	);
}, 240_000);

test("records a huge binary file in a file, with little memory", async () => {
	const home = mkdtempSync(join(tmpdir(), "agentv-huge-"));
	onTestFinished(() => rmSync(home, { recursive: true, force: true }));
	const one = services(home, holder(home, new Map()));
	const root = join(home, "ws");
	const clean = await one.pristine.copyTo(root);
	const snapshot = await takeSnapshot(root, { clean, touched: false }, one);
	const file = openSync(join(root, "huge"), "w");
	for (let index = 0; index < 200; index++) writeSync(file, randomBytes(1024 * 1024));
	closeSync(file);
	const before = process.memoryUsage.rss();
	let peak = before;
	const timer = setInterval(() => {
		peak = Math.max(peak, process.memoryUsage.rss());
	}, 20);
	const changes = await changesSince(snapshot, root, one);
	clearInterval(timer);
	expect(peak - before).toBeLessThan(120e6);
	expect(changes?.shown).toMatch(/^# new large file huge: 209715200 bytes, sha256 [0-9a-f]{64}\n$/);
	if (!changes || !("file" in changes.patch)) throw new Error("the patch is in memory");
	const rebuilt = holder(home, new Map());
	await applyChanges(changes.patch.file, rebuilt, one);
	expect(digestFile(join(rebuilt, "huge"))).toBe(digestFile(join(root, "huge")));
}, 120_000);

describe("a patch names what it does not contain, and applying it is refused:", () => {
	const secret = "sk-very-secret-0123456789";
	const cases: readonly (readonly [string, (root: string) => void, RegExp])[] = [
		["a pipe", (root) => execFileSync("mkfifo", [join(root, "pipe")]), /it is a pipe, socket or device: new pipe/],
		[
			"a name that git refuses",
			(root) => writeFileSync(join(root, ".GIT"), "x"),
			/git does not accept this name: new file \.GIT: 1 bytes/,
		],
		[
			"a binary file with a secret",
			(root) => writeFileSync(join(root, "b"), `\0${"x".repeat(3_000_000)}${secret}`),
			/it contains a secret: new binary file b|it contains a secret: new large file b/,
		],
		[
			"too many bytes of installed packages",
			(root) => {
				mkdirSync(join(root, "node_modules"));
				for (let index = 0; index < 33; index++)
					writeFileSync(join(root, `node_modules/${index}`), Buffer.alloc(2_100_000, index));
			},
			/they are too large: 33 new files that the workspace's rules ignore are not shown: node_modules\/ \(33 files, 69300000 bytes, sha256/,
		],
	];
	test.each(cases)("%s", async (_, change_, line) => {
		const home = mkdtempSync(join(tmpdir(), "agentv-left-out-"));
		onTestFinished(() => rmSync(home, { recursive: true, force: true }));
		const template = new Map([
			[".gitignore", { kind: "file", content: "node_modules/\n", executable: false } as const],
		]);
		const one = { ...services(home, holder(home, template)), redact: createRedactor([secret]) };
		const root = join(home, "ws");
		const clean = await one.pristine.copyTo(root);
		const snapshot = await takeSnapshot(root, { clean, touched: false }, one);
		change_(root);
		writeFileSync(join(root, "text"), "a text\n");
		const changes = await changesSince(snapshot, root, one);
		const patch = changes && "text" in changes.patch ? changes.patch.text : "";
		expect(patch).toMatch(line);
		expect(changes?.shown).toContain("+a text");
		writeFileSync(join(home, "p.diff"), patch);
		const rebuilt = holder(home, template);
		execFileSync("git", ["apply", join(home, "p.diff")], {
			cwd: rebuilt,
			env: { PATH: process.env["PATH"] },
			stdio: "pipe",
		});
		await expect(applyChanges(join(home, "p.diff"), holder(home, template), one)).rejects.toMatchObject({
			...{
				code: "not-runnable",
				stage: "workspace",
				reason: "incomplete-changes",
				message: expect.stringMatching(line),
			},
		});
	});
});

test("refuses a patch that is outside of the workspace or does not apply", async () => {
	const home = mkdtempSync(join(tmpdir(), "agentv-hostile-"));
	onTestFinished(() => rmSync(home, { recursive: true, force: true }));
	const one = services(home, holder(home, new Map()));
	const root = holder(home, new Map([["out", { kind: "link", target: home }]]));
	for (const patch of [
		"# new empty directory ../outside\n",
		"# new empty directory out/side\n",
		"# new empty directory .git/hooks\n",
		"diff --git a/out/f b/out/f\nnew file mode 100644\n--- /dev/null\n+++ b/out/f\n@@ -0,0 +1 @@\n+x\n",
		"diff --git a/../f b/../f\nnew file mode 100644\n--- /dev/null\n+++ b/../f\n@@ -0,0 +1 @@\n+x\n",
		"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n",
	]) {
		writeFileSync(join(home, "p.diff"), patch);
		await expect(applyChanges(join(home, "p.diff"), root, one)).rejects.toMatchObject({
			reason: "changes-not-applicable",
		});
	}
	expect(readdirSync(home).filter((name) => /^(f|side|outside)$/.test(name))).toEqual([]);
});
