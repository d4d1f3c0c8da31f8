import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, isAlive, tempTree } from "@agentv/test-support";
import { expect, onTestFinished, test } from "vitest";
import { verifyRun } from "../results/verify-run.ts";
import { mockTargets, runTree } from "./testing/run-fixture.ts";

const passes = "assertions: [{type: contains, value: yes}]";

test("records the commits of workspaces, which a resumed run uses again even if the branch has moved", async () => {
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
	expect(await verifyRun(runDir)).toMatchObject({ differences: [], tests: { finished: 2 } });
});

test("a target's hook may disable the reset", async () => {
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

test("a failing after-hook is a warning on the row", async () => {
	const run = await runTree({
		"my.eval.yaml": `hooks: {after_each: [sh, -c, "echo no space >&2; exit 3"]}\ntests: [{id: one, input: hi, ${passes}}]\n`,
		"targets.yaml": mockTargets("yes"),
	});
	expect(run.row("one")).toMatchObject({
		executionStatus: "ok",
		warnings: [{ stage: "after_each", code: "exit-code", message: "the after_each hook exited with code 3: no space" }],
	});
});

/**
 * Returns a command that starts a shell in its own session, which writes its process id and runs
 * `then`.
 */
const stray = (file: string, then: string) =>
	`setsid -f sh -c 'echo $$ >> "${file}"; ${then}' </dev/null >/dev/null 2>&1; until [ -s "${file}" ]; do sleep 0.02; done`;

test.runIf(process.platform === "linux")("ends the processes that targets and graders leave running", async () => {
	const pids = tempTree();
	const target = `#!/bin/sh\n${stray(`${pids}/target`, "sleep 1; echo late > late.txt; sleep 60")}\necho yes\n`;
	const grader = `#!/bin/sh\n[ -e late.txt ] && exit 1\n${stray(`${pids}/grader`, "sleep 60")}\necho '{"score": 1}'\n`;
	const run = await runTree({
		"my.eval.yaml": `workspace: {template: ./t}
tests: [{id: one, input: hi, assertions: [{type: code-grader, command: [sh, ./grade.sh]}, {type: code-grader, command: [sh, -c, "sleep 1.2"]}]}]
`,
		"t/a.txt": "",
		"grade.sh": grader,
		"target.sh": target,
		"targets.yaml": "targets: [{name: default, provider: cli, command: [sh, ./target.sh]}]\n",
	});
	expect(run.row("one")).toMatchObject({ executionStatus: "ok", score: 1 });
	expect(run.row("one").warnings?.filter(({ message }) => message.includes("could not be ended")) ?? []).toEqual([]);
	for (const name of ["target", "grader"]) expect(isAlive(Number(readFileSync(join(pids, name), "utf8")))).toBe(false);
	expect(JSON.parse(readFileSync(join(run.runDir, run.row("one").file ?? ""), "utf8")).file_changes_path).toBeNull();
});

test.runIf(process.platform === "linux")("a process that hides its origin is a warning on the row", async () => {
	const pids = tempTree();
	const hidden = `env -i PATH="$PATH" setsid -f sh -c 'cd /; echo $$ > ${pids}/pid; exec sleep 30' </dev/null >/dev/null 2>&1`;
	const run = await runTree({
		"my.eval.yaml": `tests: [{id: one, input: hi, ${passes}}]\n`,
		"target.sh": `${hidden}\nsleep 0.2\necho yes\n`,
		"targets.yaml": "targets: [{name: default, provider: cli, command: [sh, ./target.sh]}]\n",
	});
	const pid = Number(readFileSync(join(pids, "pid"), "utf8"));
	onTestFinished(() => void process.kill(pid, "SIGKILL"));
	expect(run.row("one").warnings).toEqual(
		expect.arrayContaining([
			{
				stage: "target",
				code: "process-left",
				message: expect.stringContaining(`process ${pid} (sleep 30) may have been started by the target`),
			},
		]),
	);
});
