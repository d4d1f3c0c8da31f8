import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { makeBundle } from "../bundle/testing/make-bundle.ts";
import { canonicalJson } from "../lib/json.ts";
import { listBundle, readManifest, verifyBundle } from "./bundle-manifest.ts";

async function bundle(): Promise<string> {
	const root = tempTree({
		"eval/e.eval.yaml": "target: m\nworkspace: ./t\ntests: [{id: a, input: hi, criteria: x}]\n",
		"eval/targets.yaml": "targets: [{name: m, provider: mock}]",
		"eval/t/a.txt": "abc",
		"eval/t/b\nc": "x",
	});
	return (await makeBundle(join(root, "eval/e.eval.yaml"))).output;
}

const problems = async (root: string) => (await verifyBundle(root)).problems.map(({ kind, path }) => `${kind} ${path}`);

test("lists missing, changed, added and no longer executable files", async () => {
	const root = await bundle();
	expect(await problems(root)).toEqual([]);
	rmSync(join(root, "targets.yaml"));
	writeFileSync(join(root, "workspace/a.txt"), "abd");
	writeFileSync(join(root, "more"), "");
	chmodSync(join(root, "eval.yaml"), 0o755);
	expect(await problems(root)).toEqual([
		"mode eval.yaml",
		"added more",
		"missing targets.yaml",
		"changed workspace/a.txt",
	]);
});

test.each([0o4755, 0o2755, 0o1755])("lists a file that became setuid, setgid or sticky (%o)", async (mode) => {
	const root = await bundle();
	const file = join(root, "workspace/a.txt");
	chmodSync(file, mode & ~0o111);
	expect(await problems(root)).toEqual(["mode workspace/a.txt"]);
	chmodSync(file, 0o644);
	expect(await problems(root)).toEqual([]);
});

test("lists each repository, empty directory, pipe and dangling link once, as added", async () => {
	const root = await bundle();
	mkdirSync(join(root, ".git/hooks"), { recursive: true });
	writeFileSync(join(root, ".git/config"), "[core]\n");
	mkdirSync(join(root, "workspace/empty/deep"), { recursive: true });
	execFileSync("mkfifo", [join(root, "workspace/pipe"), join(root, "targets.yaml.pipe")]);
	symlinkSync("nowhere", join(root, "dangling"));
	expect(await problems(root)).toEqual([
		"added .git",
		"added dangling",
		"added targets.yaml.pipe",
		"added workspace/empty",
		"added workspace/pipe",
	]);
});

test("reports a pipe in place of a file, but not empty directories of the source", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": "target: m\nworkspace: ./t\ntests: [{id: a, input: hi, criteria: x}]\n",
		"eval/targets.yaml": "targets: [{name: m, provider: mock}]",
	});
	mkdirSync(join(root, "eval/t/logs/old"), { recursive: true });
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(readManifest(output).emptyDirectories).toEqual(["workspace/logs/old"]);
	expect(await problems(output)).toEqual([]);
	mkdirSync(join(output, "workspace/logs/older"));
	rmSync(join(output, "targets.yaml"));
	execFileSync("mkfifo", [join(output, "targets.yaml")]);
	expect(await problems(output)).toEqual(["missing targets.yaml", "added targets.yaml", "added workspace/logs/older"]);
});

test("detects one flipped byte in any file and names its path", async () => {
	const root = await bundle();
	for (const { path, size } of readManifest(root).files) {
		const file = join(root, path);
		const bytes = readFileSync(file);
		for (let at = 0; at < size; at += Math.max(1, Math.floor(size / 7))) {
			const flipped = Buffer.from(bytes);
			flipped[at] = (flipped[at] as number) ^ 1;
			writeFileSync(file, flipped);
			expect(await problems(root), `${path} at ${at}`).toEqual([`changed ${path}`]);
		}
		writeFileSync(file, bytes);
	}
	expect(await problems(root)).toEqual([]);
});

test("detects one flipped byte in the manifest's files and digests", async () => {
	const root = await bundle();
	const file = join(root, "manifest.json");
	const bytes = readFileSync(file);
	const text = bytes.toString();
	const stretches = [
		[text.indexOf('"files": ['), text.indexOf('"variables"')],
		[text.indexOf('"files_digest"'), text.lastIndexOf("}")],
	] as const;
	for (const [start, end] of stretches) {
		for (let at = start; at < end; at++) {
			// White space between the entries has no meaning.
			if (/\s/.test(text[at] ?? "")) continue;
			const flipped = Buffer.from(bytes);
			flipped[at] = (flipped[at] as number) ^ 1;
			writeFileSync(file, flipped);
			const found = await problems(root).catch((error: { code: string; message: string }) => [error.message]);
			expect(found.length, `${text.slice(at - 20, at + 5)} at ${at}`).toBeGreaterThan(0);
			expect(found.join(), `at ${at}`).toContain("manifest.json");
		}
	}
});

test("lists a bundle in the format of sha256sum --check", async () => {
	const root = await bundle();
	const list = listBundle(readManifest(root));
	expect(list).toMatch(/^[0-9a-f]{64} {2}eval\.yaml$/m);
	expect(list).toMatch(/^\\[0-9a-f]{64} {2}workspace\/b\\nc$/m);
});

test("refuses a directory without a manifest, and reports an invalid manifest as damaged", async () => {
	const root = await bundle();
	const file = join(root, "manifest.json");
	writeFileSync(file, readFileSync(file, "utf8").replace('"path":"eval.yaml"', '"path":"../eval.yaml"'));
	await expect(verifyBundle(root)).rejects.toThrow(/manifest.json is damaged: files.0.path/);
	renameSync(file, join(root, "m"));
	await expect(verifyBundle(root)).rejects.toMatchObject({ code: "not-found" });
});

test("verifies the manifest's own digest: unknown keys, a missing digest, duplicate keys and white space", async () => {
	const root = await bundle();
	const file = join(root, "manifest.json");
	const text = readFileSync(file, "utf8");
	const says = async (changed: string) => {
		writeFileSync(file, changed);
		expect(readManifest(root).digest).toBe(JSON.parse(text).digest);
		return (await verifyBundle(root)).problems.map(({ message }) => message);
	};
	expect(JSON.parse(text).manifest_sha256).toMatch(/^[0-9a-f]{64}$/);
	expect(await says(text.replace(/,\n\t"manifest_sha256": "[0-9a-f]*"/, ""))).toEqual([
		expect.stringContaining("it has no manifest_sha256"),
	]);
	expect(await says(text.replace('"flags"', '"later": 1,\n\t"flags"'))).toEqual(["its content was changed"]);
	expect(await says(text.replace('"agentv_version": "1.2.3"', '"agentv_version": "1.2.4"'))).toEqual([
		"its content was changed",
	]);
	expect(await says(text.replace('"flags"', '"flags": [],\n\t"flags"'))).toEqual(['it has the key "flags" twice']);
	expect(await says(text.replace("\t", "  "))).toEqual(["its text is not as AgentV wrote it"]);
	expect(await says(text)).toEqual([]);
	const { manifest_sha256: _, ...rest } = { ...JSON.parse(text), later: { b: 1, a: [2] } };
	const digest = createHash("sha256").update(canonicalJson(rest)).digest("hex");
	const later = JSON.stringify({ manifest_sha256: digest, ...rest });
	expect(await says(later)).toEqual(["its text is not as AgentV wrote it"]);
});
