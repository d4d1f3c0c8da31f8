import { spawnSync } from "node:child_process";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

async function prepared(isolation: string) {
	const { spec, services } = workspaceFixture(`workspace: { template: ./t, isolation: ${isolation} }`, {
		"t/a.txt": "one\n",
		"t/d/b.txt": "two\n",
	});
	return prepareWorkspaceBase(spec, services);
}

const elsewhere = () => {
	const path = mkdtempSync(join(tmpdir(), "agentv-elsewhere-"));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
};

const losses: readonly (readonly [string, (path: string) => void, string])[] = [
	["removed it", (path) => rmSync(path, { recursive: true }), "the directory is gone"],
	["renamed it", (path) => renameSync(path, join(elsewhere(), "moved")), "the directory is gone"],
	[
		"replaced it by another directory",
		(path) => {
			rmSync(path, { recursive: true });
			mkdirSync(join(path, "d"), { recursive: true });
			writeFileSync(join(path, "a.txt"), "one\n");
		},
		"another directory replaced it",
	],
	[
		"replaced it by a link",
		(path) => {
			const moved = join(elsewhere(), "moved");
			renameSync(path, moved);
			symlinkSync(moved, path);
		},
		"a link replaced it",
	],
	[
		"replaced it by a file",
		(path) => {
			rmSync(path, { recursive: true });
			writeFileSync(path, "");
		},
		"a file replaced it",
	],
];

describe("a workspace is not graded", () => {
	test.each(
		["shared", "per_test"].flatMap((isolation) =>
			losses.map(([name, lose, why]) => [isolation, name, lose, why] as const),
		),
	)("with isolation %s if the target %s", async (isolation, _, lose, why) => {
		const base = await prepared(isolation);
		const workspace = await base.open(aTest("one"));
		await workspace.before();
		lose(workspace.path);
		await expect(workspace.fileChanges()).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "workspace", reason: "workspace-gone", causedBy: "agent" },
			message: expect.stringContaining(why),
		});
		await workspace.after();
		await workspace.close({ keep: false });
		const next = await base.open(aTest("two"));
		await next.before();
		expect(readFileSync(join(next.path, "d/b.txt"), "utf8")).toBe("two\n");
		writeFileSync(join(next.path, "a.txt"), "changed\n");
		expect((await next.fileChanges())?.shown).toContain("+changed");
		await next.close({ keep: false });
		expect(await base.close()).toEqual([]);
	});

	test("if the target removed the files that it is compared with", async () => {
		for (const isolation of ["shared", "per_test"]) {
			const base = await prepared(isolation);
			const workspace = await base.open(aTest("one"));
			await workspace.before();
			const home = dirname(workspace.path);
			for (const name of readdirSync(home))
				if (join(home, name) !== workspace.path) rmSync(join(home, name), { recursive: true });
			writeFileSync(join(workspace.path, "a.txt"), "changed\n");
			const lost = { stage: "workspace", reason: "workspace-gone", causedBy: "agent" };
			await expect(workspace.fileChanges()).rejects.toMatchObject(lost);
			await workspace.close({ keep: false });
			await expect(base.open(aTest("two"))).rejects.toMatchObject(lost);
			expect(await base.close()).toEqual([]);
		}
	});
});

test("a workspace that was removed can't be kept", async () => {
	const base = await prepared("per_test");
	const workspace = await base.open(aTest("one"));
	await workspace.before();
	rmSync(workspace.path, { recursive: true });
	expect(await workspace.close({ keep: true })).toBeUndefined();
	expect(await base.close()).toEqual([]);
});

test("shows links out of the workspace as links, and files in unreadable directories", async () => {
	const base = await prepared("per_test");
	const workspace = await base.open(aTest("one"));
	await workspace.before();
	const outside = elsewhere();
	writeFileSync(join(outside, "secret"), "outside\n");
	rmSync(join(workspace.path, "d"), { recursive: true });
	symlinkSync(outside, join(workspace.path, "d"));
	symlinkSync(join(outside, "secret"), join(workspace.path, "s"));
	mkdirSync(join(workspace.path, "closed"));
	writeFileSync(join(workspace.path, "closed/f"), "inside\n");
	chmodSync(join(workspace.path, "closed"), 0);
	const shown = (await workspace.fileChanges())?.shown ?? "";
	expect(shown).toContain(`+${outside}\n`);
	expect(shown).toContain("-two\n");
	expect(shown).toContain("+inside\n");
	expect(shown).not.toContain("+outside\n");
	await workspace.close({ keep: false });
	await (await base.open(aTest("two"))).close({ keep: false });
	expect(readFileSync(join(outside, "secret"), "utf8")).toBe("outside\n");
	expect(await base.close()).toEqual([]);
});

test("a file system that a target mounted does not affect the next test's workspace", async ({ skip }) => {
	const base = await prepared("per_test");
	const first = await base.open(aTest("one"));
	await first.before();
	const place = join(first.path, "mnt");
	mkdirSync(place);
	if (spawnSync("mount", ["-t", "tmpfs", "none", place]).status !== 0) return skip("needs permission to mount");
	onTestFinished(() => void spawnSync("umount", ["-l", place]));
	writeFileSync(join(place, "f"), "in it\n");
	await first.fileChanges();
	await first.close({ keep: false });
	const second = await base.open(aTest("two"));
	await second.before();
	expect(readdirSync(second.path).sort()).toEqual([".git", "a.txt", "d"]);
	await second.close({ keep: false });
	for (const mounted of readFileSync("/proc/mounts", "utf8").match(/\S*\/mnt(?= tmpfs)/g) ?? [])
		if (mounted.startsWith(dirname(first.path))) spawnSync("umount", ["-l", mounted]);
	await base.close();
});
