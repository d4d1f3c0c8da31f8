import { spawnSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, onTestFinished, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

const template = (more = "") => `workspace: { template: ./t${more} }`;

describe("refuses a template with an escaping link, and leaves nothing behind:", () => {
	test.each([
		["a link out of it", (root: string) => symlinkSync("../../secret", join(root, "t/out"))],
		["an absolute link into it", (root: string) => symlinkSync(join(root, "t/a"), join(root, "t/abs"))],
		["a link to the system", (root: string) => symlinkSync("/etc/passwd", join(root, "t/passwd"))],
	])("%s", async (_, spoil) => {
		const { root, spec, services } = workspaceFixture(template(), { "t/a": "1" });
		spoil(root);
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "template", reason: "path.symlink-escape" },
		});
		expect(readdirSync(services.directory)).toEqual([]);
	});
});

test("links within a template stay within the copy", async () => {
	const { root, spec, services } = workspaceFixture(template(", isolation: per_test"), { "t/deep/a": "1" });
	symlinkSync("deep/a", join(root, "t/link"));
	const base = await prepareWorkspaceBase(spec, services);
	const { path } = await base.open(aTest("t"));
	writeFileSync(join(path, "link"), "written through");
	expect(readFileSync(join(path, "deep/a"), "utf8")).toBe("written through");
	expect(readFileSync(join(root, "t/deep/a"), "utf8")).toBe("1");
	await base.close();
});

test("an absolute link made by before_all points into each copy, never into the base", async () => {
	const hook = `[sh, -c, 'ln -s "$AGENTV_WORKSPACE_PATH/a" "$AGENTV_WORKSPACE_PATH/abs"']`;
	const text = `workspace: { template: ./t, isolation: per_test, hooks: { before_all: { command: ${hook} } } }`;
	const { spec, services } = workspaceFixture(text, { "t/a": "1" });
	const base = await prepareWorkspaceBase(spec, services);
	for (const id of ["one", "two"]) {
		const workspace = await base.open(aTest(id));
		await workspace.before();
		expect(readFileSync(join(workspace.path, "abs"), "utf8")).toBe("1");
		writeFileSync(join(workspace.path, "abs"), id);
		expect(readFileSync(join(workspace.path, "a"), "utf8")).toBe(id);
		expect((await workspace.fileChanges())?.shown).toContain(`+${id}`);
		await workspace.close({ keep: false });
	}
	await base.close();
});

describe("the next test gets a clean directory", () => {
	const spoilers: readonly (readonly [string, (path: string) => void])[] = [
		[
			"everything was deleted",
			(path) => readdirSync(path).map((name) => rmSync(join(path, name), { recursive: true })),
		],
		[
			"a file replaced a directory",
			(path) => {
				rmSync(join(path, "d"), { recursive: true });
				writeFileSync(join(path, "d"), "");
			},
		],
		[
			"a directory replaced a file",
			(path) => {
				rmSync(join(path, "a"));
				mkdirSync(join(path, "a/b"), { recursive: true });
			},
		],
		[
			"a link out of the workspace replaced a directory",
			(path) => {
				rmSync(join(path, "d"), { recursive: true });
				symlinkSync(path.replace(/\/[^/]*$/, ""), join(path, "d"));
			},
		],
		[
			"files and directories became read-only",
			(path) => {
				chmodSync(join(path, "d/e/f"), 0o400);
				chmodSync(join(path, "d/e"), 0o500);
				chmodSync(join(path, "d"), 0o500);
			},
		],
		["a cycle of links was made", (path) => symlinkSync(".", join(path, "loop"))],
		[
			"many deep files were made",
			(path) => {
				mkdirSync(join(path, "x/".repeat(100)), { recursive: true });
				for (let index = 0; index < 500; index++) writeFileSync(join(path, "x", `${index}`), "");
			},
		],
	];

	test.each(
		["shared", "per_test"].flatMap((isolation) => spoilers.map(([name, spoil]) => [isolation, name, spoil] as const)),
	)("with isolation %s after %s", async (isolation, _, spoil) => {
		const files = { "t/a": "1", "t/d/e/f": "2", "t/d/g": "3" };
		const { spec, services } = workspaceFixture(template(`, isolation: ${isolation}`), files);
		const base = await prepareWorkspaceBase(spec, services);
		const first = await base.open(aTest("first"));
		await first.before();
		spoil(first.path);
		await first.fileChanges();
		await first.close({ keep: false });
		const second = await base.open(aTest("second"));
		await second.before();
		expect(await second.fileChanges()).toBeUndefined();
		expect(
			readdirSync(second.path, { recursive: true })
				.filter((name) => !String(name).startsWith(".git"))
				.sort(),
		).toEqual([...["a", "d", "d/e", "d/e/f", "d/g"]]);
		expect(readFileSync(join(second.path, "d/e/f"), "utf8")).toBe("2");
		await second.close({ keep: false });
		expect(await base.close()).toEqual([]);
		expect(readdirSync(services.directory)).toEqual([]);
	});
});

/** Mounts a file system of one megabyte, if permitted. */
function smallDisk(): string | undefined {
	const path = tempTree();
	const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", path]).status === 0;
	if (mounted) onTestFinished(() => void spawnSync("umount", ["-l", path]));
	return mounted ? path : undefined;
}

describe("a full disk is reported with the stage", () => {
	test("if the template does not fit", async ({ skip }) => {
		const directory = smallDisk();
		if (directory === undefined) return skip("needs permission to mount");
		const { spec, services } = workspaceFixture(template(), { "t/a": "1".repeat(3_000_000) });
		await expect(prepareWorkspaceBase(spec, { ...services, directory })).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "template", reason: "disk-full" },
		});
	});

	test("if git's baseline does not fit, for any message of git", async ({ skip }) => {
		const directory = smallDisk();
		if (directory === undefined) return skip("needs permission to mount");
		const { spec, services } = workspaceFixture(template(), { "t/a": "1" });
		const reasons = new Set<string>();
		for (let left = 4; left <= 48; left += 4) {
			const fill = join(directory, "fill");
			writeFileSync(fill, "x".repeat(2 ** 20 - left * 1024));
			const prepared = prepareWorkspaceBase(spec, { ...services, directory });
			await prepared.then(
				(base) => base.close(),
				(error: { readonly reason?: string }) => reasons.add(`${error.reason}`),
			);
			rmSync(fill);
		}
		expect([...reasons]).toEqual(["disk-full"]);
	});

	test("if a test's copy does not fit, and the next test still succeeds", async ({ skip }) => {
		const directory = smallDisk();
		if (directory === undefined) return skip("needs permission to mount");
		const { spec, services } = workspaceFixture(template(", isolation: per_test"), { "t/a": "1".repeat(400_000) });
		const base = await prepareWorkspaceBase(spec, { ...services, directory });
		const first = await base.open(aTest("first"));
		await expect(base.open(aTest("second"))).rejects.toMatchObject({ stage: "copy", reason: "disk-full" });
		await first.close({ keep: false });
		await (await base.open(aTest("third"))).close({ keep: false });
		expect(await base.close()).toEqual([]);
	});

	test("if a directory can't be created", async () => {
		const { spec, services } = workspaceFixture(template(), { "t/a": "1" });
		const directory = join(tempTree({ file: "" }), "file");
		await expect(prepareWorkspaceBase(spec, { ...services, directory })).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "template", message: expect.stringContaining(directory) },
		});
	});
});

test("an interrupted preparation leaves nothing behind", async () => {
	const { spec, services, abort } = workspaceFixture(template(), { "t/a": "1" });
	abort.abort();
	await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({ code: "interrupted" });
	expect(existsSync(services.directory) ? readdirSync(services.directory) : []).toEqual([]);
});
