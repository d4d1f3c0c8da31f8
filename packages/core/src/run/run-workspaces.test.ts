import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { verifyRun } from "../results/verify-run.ts";
import { mockTargets, runTree } from "./testing/run-fixture.ts";

const passes = "assertions: [{type: contains, value: yes}]";

test("the commits that workspaces got are recorded, and a resumed run gets the same when a branch has moved", async () => {
	const root = tempTree({
		"my.eval.yaml": `workspace: {isolation: per_test, repos: [{path: app, repo: ./app, commit: main}]}
tests: [{id: one, input: hi, ${passes}}, {id: two, input: hi, ${passes}}]
`,
		"targets.yaml": mockTargets("yes"),
	});
	const app = gitRepository(join(root, "app"), { "a.txt": "1" });
	const { runDir } = await runTree({ root });
	const recorded = () => JSON.parse(readFileSync(join(runDir, "run.json"), "utf8")).repositories;
	const first = { path: "app", repo: "./app", requested: "main", sha: app.git("rev-parse", "HEAD") };
	expect(recorded()).toEqual([first]);
	app.commit({ "a.txt": "2" });
	const index = join(runDir, "index.jsonl");
	writeFileSync(index, readFileSync(index, "utf8").replace(/\n.*\n$/, "\n"));
	await runTree({ root }, { output: runDir, resume: true });
	expect(recorded()).toEqual([first]);
	expect(await verifyRun(runDir)).toMatchObject({ differences: [], finished: 2 });
});

test("a target's hook may ask for no reset, too", async () => {
	const run = await runTree(
		{
			"my.eval.yaml": `workspace: {template: ./t}\ntests: [{id: one, input: hi, ${passes}}, {id: two, input: hi, ${passes}}]\n`,
			"t/a.txt": "",
			"targets.yaml":
				"targets: [{name: default, provider: cli, command: [sh, -c, 'ls; echo yes; touch new.txt'], hooks: {after_each: {reset: none}}}]\n",
		},
		{ workers: 1 },
	);
	const output = (id: string) => JSON.parse(readFileSync(join(run.runDir, run.row(id).file ?? ""), "utf8")).output;
	expect([output("one"), output("two")]).toEqual(["a.txt\nyes", "a.txt\nnew.txt\nyes"]);
});

test("an after-hook that fails is a warning on the row", async () => {
	const run = await runTree({
		"my.eval.yaml": `hooks: {after_each: [sh, -c, "echo no space >&2; exit 3"]}\ntests: [{id: one, input: hi, ${passes}}]\n`,
		"targets.yaml": mockTargets("yes"),
	});
	expect(run.row("one")).toMatchObject({
		executionStatus: "ok",
		warnings: [{ stage: "after_each", code: "exit-code", message: "the after_each hook exited with code 3: no space" }],
	});
});
