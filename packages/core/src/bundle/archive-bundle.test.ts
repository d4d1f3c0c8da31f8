import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree, writeTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";
import { archiveBundle, judgeArchive } from "./write-bundle.ts";

const text = "target: {name: m, provider: mock}\nworkspace: ./t\ntests: [{id: a, input: hi, criteria: x}]\n";

async function bundleWithLinks(): Promise<{ root: string; output: string }> {
	const root = tempTree({
		"eval/e.eval.yaml": text,
		"eval/t/dir/a.txt": "a",
		"eval/t/dir/b.txt": "b",
		"eval/t/ünï cödé": "u",
	});
	writeTree(join(root, "eval/t"), {
		"run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
		[`long/${"n".repeat(120)}/${"m".repeat(120)}`]: "x",
	});
	symlinkSync("dir/a.txt", join(root, "eval/t/link"));
	symlinkSync("dir", join(root, "eval/t/to-dir"));
	mkdirSync(join(root, "eval/t/empty"));
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"), { output: join(root, "out") });
	return { root, output };
}

for (const [name, unpack] of [
	["out.tgz", ["tar", "xzf"]],
	["out.zip", ["unzip", "-q"]],
] as const) {
	test(`${name} unpacks to an identical bundle`, async () => {
		const { root, output } = await bundleWithLinks();
		const archive = join(root, "made/there", name);
		await archiveBundle(output, archive);
		mkdirSync(join(root, "x"));
		const [program, flag] = unpack;
		execFileSync(program, [flag, archive], { cwd: join(root, "x") });
		expect(treeOf(join(root, "x/out"))).toEqual(treeOf(output));
		expect(await verifyBundle(join(root, "x/out"))).toMatchObject({ ok: true, replacedLinks: [] });
		expect(readdirSync(join(root, "made/there"))).toEqual([name]);
	});
}

test("accepts and reports files that a plain `zip -r` wrote in place of links", async () => {
	const { root, output } = await bundleWithLinks();
	execFileSync("zip", ["-qr", join(root, "plain.zip"), "out"], { cwd: root });
	mkdirSync(join(root, "x"));
	execFileSync("unzip", ["-q", join(root, "plain.zip")], { cwd: join(root, "x") });
	const verification = await verifyBundle(join(root, "x/out"));
	expect(verification).toMatchObject({ ok: true, problems: [], replacedLinks: ["workspace/link", "workspace/to-dir"] });
	writeTree(join(root, "x/out"), { "workspace/to-dir/a.txt": "other", "workspace/link": "else" });
	expect((await verifyBundle(join(root, "x/out"))).problems.map(({ path }) => path)).toEqual([
		"workspace/link",
		"workspace/to-dir",
		"workspace/to-dir/a.txt",
		"workspace/to-dir/b.txt",
	]);
	expect(output).toBe(join(root, "out"));
});

test("refuses an archive inside its bundle or over an existing file; an interruption leaves no archive", async () => {
	const { root, output } = await bundleWithLinks();
	expect(() => judgeArchive(join(output, "a.zip"), output, true)).toThrow(/inside the bundle/);
	writeTree(root, { "there.zip": "" });
	expect(() => judgeArchive(join(root, "there.zip"), output, false)).toThrow(/already exists/);
	judgeArchive(join(root, "there.zip"), output, true);
	for (const name of ["a.zip", "a.tgz"]) {
		const archiving = archiveBundle(output, join(root, "z", name), { signal: AbortSignal.abort() });
		await expect(archiving).rejects.toMatchObject({ code: "interrupted" });
	}
	expect(readdirSync(join(root, "z"))).toEqual([]);
	await expect(archiveBundle(output, join(root, "a.rar"))).rejects.toMatchObject({ code: "usage" });
});
