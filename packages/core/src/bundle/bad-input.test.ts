import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";

const plain =
	"target: {name: m, provider: mock, response: hi}\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n";
const rules = (...names: string[]) => ({
	code: "refused",
	diagnostics: names.map((rule) => expect.objectContaining({ rule })),
});

test("reports every missing file and target in one error, with its location", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `target: unknown
workspace: ./no-template
tests:
  - {id: a, input: hi, input_files: [./gone.md], assertions: [{type: code-grader, command: [node, ./gone.mjs]}]}
`,
	});
	const error = await makeBundle(join(root, "eval/e.eval.yaml")).catch((thrown) => thrown);
	expect(error).toMatchObject({ code: "refused", message: "e.eval.yaml can't be bundled: it has 4 errors" });
	expect(
		error.diagnostics.map(({ rule, at }: { rule: string; at: { path: unknown[] } }) => [rule, at.path.join(".")]),
	).toEqual([
		["targets.undefined", "target"],
		["path.missing", "workspace"],
		["path.missing", "tests.0.input_files.0"],
		["path.missing", "tests.0.assertions.0.command.1"],
	]);
	expect(readdirSync(root)).toEqual(["eval"]);
});

test("refuses an output inside the source, around it, or over other files", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${plain}workspace: ../shared\n`,
		".git/HEAD": "",
		"shared/x": "x",
		"full/file": "",
		plain: "",
	});
	const file = join(root, "eval/e.eval.yaml");
	for (const output of ["eval/out", "eval", ".", "shared/out", "full", "plain"])
		await expect(makeBundle(file, { output: join(root, output), force: true }), output).rejects.toMatchObject({
			code: "refused",
		});
	expect(Object.keys(treeOf(root)).sort()).toEqual([".git/HEAD", "eval/e.eval.yaml", "full/file", "plain", "shared/x"]);
});

test("--force replaces only an existing bundle; an empty directory needs no --force", async () => {
	const root = tempTree({ "eval/e.eval.yaml": plain });
	const file = join(root, "eval/e.eval.yaml");
	const output = join(root, "out");
	mkdirSync(output);
	await makeBundle(file, { output });
	await expect(makeBundle(file, { output })).rejects.toMatchObject({ hint: "--force overwrites it" });
	writeFileSync(join(output, "stray"), "");
	writeFileSync(file, `${plain}threshold: 0.5\n`);
	const { read } = await makeBundle(file, { output, force: true });
	expect(read("eval.yaml")).toContain("threshold: 0.5");
	expect(readdirSync(root)).toEqual(["eval", "out"]);
	expect(existsSync(join(output, "stray"))).toBe(false);
});

test("refuses links that leave their tree", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${plain}workspace: ./t\ninput_files: [./in.md]\n`,
		"eval/t/a": "a",
		secret: "s",
	});
	const file = join(root, "eval/e.eval.yaml");
	symlinkSync("../../secret", join(root, "eval/t/out"));
	symlinkSync("/etc/passwd", join(root, "eval/in.md"));
	await expect(makeBundle(file)).rejects.toMatchObject(rules("path.symlink-escape", "path.symlink-escape"));
});

test("refuses pipes, names that differ only in case, and unreadable files", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${plain}workspace: ./t\n`,
		"eval/t/Read.me": "",
		"eval/t/read.ME": "",
		"eval/t/x": "",
	});
	const file = join(root, "eval/e.eval.yaml");
	await expect(makeBundle(file)).rejects.toMatchObject(rules("bundle.case-collision"));
	execFileSync("rm", [join(root, "eval/t/read.ME")]);
	execFileSync("mkfifo", [join(root, "eval/t/pipe")]);
	await expect(makeBundle(file)).rejects.toMatchObject(rules("bundle.special-file"));
	execFileSync("rm", [join(root, "eval/t/pipe")]);
	if (process.getuid?.() !== 0) {
		chmodSync(join(root, "eval/t/x"), 0);
		await expect(makeBundle(file)).rejects.toThrow(/x is not accessible/);
	}
	expect(readdirSync(root)).toEqual(["eval"]);
});

test("an interruption leaves no files behind and an existing bundle unchanged", async () => {
	const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`eval/t/${index}`, "x".repeat(20_000)]));
	const root = tempTree({ "eval/e.eval.yaml": `${plain}workspace: ./t\n`, ...files });
	const file = join(root, "eval/e.eval.yaml");
	const output = join(root, "new/deep/out");
	const stopped = AbortSignal.abort();
	await expect(makeBundle(file, { output, signal: stopped })).rejects.toMatchObject({ code: "interrupted" });
	expect(readdirSync(root)).toEqual(["eval"]);
	await makeBundle(file, { output });
	const before = treeOf(output);
	await expect(makeBundle(file, { output, force: true, signal: stopped })).rejects.toMatchObject({
		code: "interrupted",
	});
	expect(treeOf(output)).toEqual(before);
	expect(readdirSync(join(root, "new/deep"))).toEqual(["out"]);
});

test("warns about a metadata file above the eval and of a missing argument", async () => {
	const root = tempTree({
		".git/HEAD": "",
		"evals/e.eval.yaml": `target: {name: m, provider: mock}
tests:
  - {id: a, input: hi, metadata: {diff_file: ../patches/a.diff}, assertions: [{type: code-grader, command: [node, ./g.mjs, ./made-later.txt]}]}
`,
		"evals/g.mjs": "",
		"patches/a.diff": "",
	});
	const { plan } = await makeBundle(join(root, "evals/e.eval.yaml"));
	expect(plan.warnings.map(({ rule }) => rule).sort()).toEqual(["bundle.metadata-path", "path.missing"]);
});

test("refuses includes that reach above the eval or match nothing", async () => {
	const root = tempTree({ "eval/e.eval.yaml": `${plain}bundle: {include: [nothing/**]}\n`, x: "" });
	const made = makeBundle(join(root, "eval/e.eval.yaml"), { include: ["../x"] });
	await expect(made).rejects.toMatchObject(rules("bundle.include", "bundle.include"));
});

test("refuses an included file whose path the bundle itself uses", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": `${plain}bundle: {include: [manifest.json, "*.yaml"]}\n`,
		"eval/manifest.json": "{}",
		"eval/eval.yaml": "x: 1",
	});
	await expect(makeBundle(join(root, "eval/e.eval.yaml"))).rejects.toMatchObject(
		rules("bundle.collision", "bundle.collision"),
	);
});
