import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { verifyRun } from "../results/verify-run.ts";
import { resumedRequest } from "./run-request.ts";
import { cutShort, evalWith, grader, mock, passes, verdict } from "./testing/changed-versions.ts";
import { fileTargets, mockTargets, runTree } from "./testing/run-fixture.ts";

describe("a resumed run", () => {
	const files = { ...mock, "my.eval.yaml": evalWith(grader("[node, ./check.mjs]")), "check.mjs": verdict };

	test("continues after a change that doesn't affect its results", async () => {
		const first = await runTree(files, { workers: 1 });
		cutShort(first);
		writeFileSync(join(first.root, "my.eval.yaml"), `# a comment\n${files["my.eval.yaml"]}`);
		writeFileSync(join(first.root, "targets.yaml"), `${mockTargets("yes")}  - {name: other, provider: mock}\n`);
		const before = readRunFile(first.runDir);
		const second = await runTree(first, { output: first.runDir, resume: true });
		expect(second.events[0]).toMatchObject({ planned: 3, alreadyDone: 2 });
		expect(readRunFile(first.runDir).evals).not.toEqual(before.evals);
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [] });
	});

	test("with rerunChanged runs only the tests that a change affects", async () => {
		const first = await runTree({ ...mock, "my.eval.yaml": evalWith(passes) });
		writeFileSync(join(first.root, "my.eval.yaml"), evalWith(passes).replace("{id: b, input: hi", "{id: b, input: ho"));
		const second = await runTree(first, { output: first.runDir, resume: true, rerunChanged: true });
		expect(second.events.flatMap((event) => (event.type === "attempt-finished" ? event.testId : []))).toEqual(["b"]);
		expect(second.row("b")).toMatchObject({ rerun: "changed" });
		expect(second.row("a").rerun).toBeUndefined();
		expect(readFileSync(join(first.runDir, "index.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(4);
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [], attempts: 3 });
	});

	test("with rerunChanged also runs new tests, but never discards results", async () => {
		const first = await runTree({ ...mock, "my.eval.yaml": evalWith(passes) });
		const file = join(first.root, "my.eval.yaml");
		appendFileSync(file, "  - {id: d, input: hi}\n");
		const again = { output: first.runDir, resume: true };
		await expect(runTree(first, again)).rejects.toThrow('test "d" of my.eval.yaml with target "default" is new');
		const second = await runTree(first, { ...again, rerunChanged: true });
		expect(second.summary).toMatchObject({ planned: 4, passed: 4 });
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [], tests: { planned: 4 } });
		writeFileSync(file, evalWith(passes));
		await expect(runTree(first, { ...again, rerunChanged: true })).rejects.toMatchObject({
			code: "config",
			message: "results would lose their test: d",
		});
	});

	test("reports attempts that a test no longer has", async () => {
		const thrice = evalWith(`repeat: {count: 3}\n${passes}`);
		const first = await runTree({ ...mock, "my.eval.yaml": thrice });
		writeFileSync(join(first.root, "my.eval.yaml"), thrice.replace("count: 3", "count: 2"));
		await expect(runTree(first, { output: first.runDir, resume: true })).rejects.toThrow(
			'test "a" of my.eval.yaml with target "default": 3 attempts (mean) → 2 attempts (mean)',
		);
	});

	test("retries errors only if the inputs of the other results are unchanged", async () => {
		const first = await runTree({
			"my.eval.yaml": evalWith(passes),
			"targets.yaml": fileTargets,
			"answers/a": "yes",
			"answers/b": "yes",
		});
		expect(first.summary).toMatchObject({ passed: 2, errors: 1 });
		writeFileSync(join(first.root, "answers/c"), "yes");
		const again = { output: first.runDir, resume: true, retryErrors: true };
		writeFileSync(join(first.root, "targets.yaml"), fileTargets.replace("cat ", "cat -u "));
		await expect(runTree(first, again)).rejects.toThrow(/target "default": command .*2 results \(a, b\)/);
		writeFileSync(join(first.root, "targets.yaml"), fileTargets);
		expect((await runTree(first, again)).summary).toMatchObject({ passed: 3 });
	});

	test("retries a grader only if it is unchanged, and explains how to regrade all answers", async () => {
		const broken = `process.exit(process.env.BROKEN ? 200 : 0);\n`;
		const first = await runTree(
			{ ...mock, "my.eval.yaml": evalWith(grader("[node, ./check.mjs]")), "check.mjs": broken },
			{ env: { BROKEN: "1" } },
		);
		expect(first.summary).toMatchObject({ errors: 3 });
		const again = { output: first.runDir, resume: true, retryErrors: true };
		appendFileSync(join(first.root, "check.mjs"), "// changed\n");
		await expect(runTree(first, again)).rejects.toMatchObject({
			message: expect.stringContaining("check.mjs changed: 3 results"),
			hint: expect.stringContaining("agentv results regrade"),
		});
		writeFileSync(join(first.root, "check.mjs"), broken);
		expect((await runTree(first, again)).summary).toMatchObject({ passed: 3, errors: 0 });
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [] });
	});
});

test("refuses to run the missing tests of another run with other versions", async () => {
	const files = { ...mock, "my.eval.yaml": evalWith(grader("[node, ./check.mjs]")), "check.mjs": verdict };
	const first = await runTree(files, { workers: 1 });
	cutShort(first);
	appendFileSync(join(first.root, "check.mjs"), "\n");
	const request = { ...resumedRequest(first.runDir, { evals: [] }), onlyMissing: first.runDir };
	const rest = runTree({ root: first.root }, { ...request, output: join(first.root, "rest") });
	await expect(rest).rejects.toThrow("check.mjs changed: 2 results (a, b)");
});

describe("the inputs of a run", () => {
	test("are listed with digests, as are those that can't be determined", async () => {
		const { runDir, root } = await runTree({
			...mock,
			"my.eval.yaml": evalWith(
				`workspace: {template: ./template}\nassertions: [{type: code-grader, command: [node, ./check.mjs]}, {type: code-grader, command: "echo 1 | cat"}]`,
			),
			"check.mjs": `const name = "./one.mjs"; await import(name); ${verdict}`,
			"one.mjs": "",
			"template/a.txt": "a",
		});
		const run = readRunFile(runDir);
		const named = (run.files ?? []).map(({ path, parts }) => [path, parts]);
		expect(named).toEqual([
			["check.mjs", ["graders"]],
			["my.eval.yaml", ["eval"]],
			["targets.yaml", ["targets"]],
			["template", ["workspace"]],
		]);
		expect(run.files?.find(({ path }) => path === "template")?.members).toEqual({
			"a.txt": expect.stringMatching(/^[0-9a-f]{64} {2}644$/),
		});
		expect(run.opaque).toEqual([
			{ what: "node", why: expect.stringContaining("found on PATH") },
			{ what: "check.mjs:1", why: expect.stringContaining("a computed import") },
			{ what: "echo 1 | cat", why: expect.stringContaining("it runs in a shell") },
		]);
		expect(root).not.toBe("");
	});

	test("are recorded for each attempt, with a warning if a script changes during the run", async () => {
		const { runDir, row } = await runTree(
			{
				"my.eval.yaml": evalWith(grader("[node, ./check.mjs]")),
				"check.mjs": verdict,
				"targets.yaml":
					"targets: [{name: default, provider: cli, command: [sh, -c, 'case $0 in b) echo >> check.mjs;; esac; echo yes', \"{EVAL_ID}\"]}]\n",
			},
			{ workers: 1 },
		);
		const filesOf = (id: string) => JSON.parse(readFileSync(join(runDir, row(id).file ?? ""), "utf8")).files;
		expect(filesOf("a")).toEqual({ "check.mjs": expect.stringMatching(/^[0-9a-f]{32}$/) });
		expect(filesOf("b")).not.toEqual(filesOf("a"));
		expect(row("b").warnings).toEqual([
			{ stage: "versions", code: "changed-while-running", message: expect.stringContaining("check.mjs changed") },
		]);
		const { differences } = await verifyRun(runDir);
		expect(differences).toMatchObject([
			{
				kind: "mixed-versions",
				of: "check.mjs",
				versions: [
					{ version: filesOf("a")["check.mjs"], attempts: 1, first: [{ testId: "a" }] },
					{ version: filesOf("b")["check.mjs"], attempts: 2, first: [{ testId: "b" }, { testId: "c" }] },
				],
			},
		]);
	});
});

test("all targets of a run get the same commit of a repository even if its branch moves meanwhile", async () => {
	const root = tempTree({
		"my.eval.yaml": evalWith(
			`targets: [one, two]\nworkspace: {isolation: per_test, repos: [{path: app, repo: ./app, commit: main}]}\n${passes}`,
		),
	});
	const app = gitRepository(join(root, "app"), { "a.txt": "1" });
	const commit = `git -C ${join(root, "app")} -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m more && echo yes`;
	writeFileSync(
		join(root, "targets.yaml"),
		`targets: [{name: one, provider: cli, command: [sh, -c, "${commit}"]}, {name: two, provider: mock, response: yes}]\n`,
	);
	const sha = app.git("rev-parse", "HEAD");
	const { runDir, rows, summary } = await runTree({ root }, { workers: 1 });
	expect(rows.map(({ error }) => error?.message)).toEqual(Array(6).fill(undefined));
	expect(summary).toMatchObject({ passed: 6 });
	expect(app.git("rev-parse", "HEAD")).not.toBe(sha);
	expect(new Set(rows.map(({ fingerprint }) => fingerprint?.workspace)).size).toBe(1);
	expect(readRunFile(runDir).repositories).toEqual([{ path: "app", repo: "./app", requested: "main", sha }]);
});
