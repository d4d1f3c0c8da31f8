import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { checkRunDigest } from "../eval/run-digest.ts";
import { verifyRun } from "../results/verify-run.ts";
import { runTree } from "./testing/run-fixture.ts";

const ids = ["a", "bad", "c", "d"];

function evalTree(isolation: string, loss: string) {
	const tests = ids.map((id) => `{id: ${id}, input: hi, assertions: [{type: contains, value: hello}]}`);
	return {
		"my.eval.yaml": `workspace: {template: ./tpl, isolation: ${isolation}}\ntests: [${tests.join(", ")}]\n`,
		"tpl/f.txt": "one\n",
		"agent.sh": `cat f.txt; echo hello\nif [ "$1" = bad ]; then ${loss}; fi\n`,
		"targets.yaml": `targets: [{name: default, provider: cli, command: [sh, ./agent.sh, '{EVAL_ID}']}]\n`,
	};
}

const losses: readonly (readonly [string, string])[] = [
	["removes its workspace's parent directory", `rm -rf "$(dirname "$PWD")"`],
	["replaces its workspace's parent directory by a file", `p="$(dirname "$PWD")"; rm -rf "$p"; echo x > "$p"`],
	["removes AgentV's own directory", `rm -rf "$AGENTV_HOME"`],
	["removes the workspaces of all runs", `rm -rf "$(dirname "$(dirname "$(dirname "$PWD")")")"`],
];

test.each(
	losses.flatMap(([name, loss]) => ["shared", "per_test"].map((isolation) => [name, isolation, loss] as const)),
)("an agent that %s (%s) is not graded, and the other tests run", async (_, isolation, loss) => {
	const run = await runTree(evalTree(isolation, loss), { workers: 1 });
	const gone = { executionStatus: "execution_error", error: { code: "workspace-gone", causedBy: "agent" } };
	expect(run.row("bad")).toMatchObject(gone);
	for (const id of ["a", "c", "d"]) expect(run.row(id), id).toMatchObject({ executionStatus: "ok", score: 1 });
	const output = JSON.parse(readFileSync(join(run.runDir, run.row("d").file ?? ""), "utf8")).output;
	expect(output).toBe("one\nhello");
	expect(run.summary).toMatchObject({ planned: 4, passed: 3, errors: 1 });
	const resumed = await runTree(
		{ root: run.root },
		{ output: run.runDir, resume: true, retryErrors: true, workers: 1 },
	);
	expect(resumed.row("bad")).toMatchObject(gone);
	expect(resumed.summary).toMatchObject({ planned: 4, passed: 3, errors: 1 });
});

test("an agent that removes the directory of attempts' files does not affect other tests", async () => {
	const files = evalTree("shared", `rm -rf "$(dirname "$(dirname "$2")")"`);
	const run = await runTree(
		{ ...files, "targets.yaml": files["targets.yaml"].replace("'{EVAL_ID}'", "'{EVAL_ID}', '{PROMPT_FILE}'") },
		{ workers: 1 },
	);
	for (const id of ids) expect(run.row(id), id).toMatchObject({ executionStatus: "ok", score: 1 });
	expect(statSync(run.runDir).isDirectory()).toBe(true);
});

const ok = "one\nhello";
const recordLosses: readonly (readonly [string, string])[] = [
	["removes the results", `rm -rf "$EVAL_ROOT/run"`],
	["removes the records of attempts", `rm -rf "$EVAL_ROOT/run/tests"`],
	["puts a pipe in place of the index", `rm "$EVAL_ROOT/run/index.jsonl"; mkfifo "$EVAL_ROOT/run/index.jsonl"`],
	["makes the index huge", `truncate -s 200G "$EVAL_ROOT/run/index.jsonl"`],
	[
		"replaces the records by links to a file of the user",
		`for f in run.json summary.json run.sha256; do ln -sf "$EVAL_ROOT/mine.txt" "$EVAL_ROOT/run/$f"; done`,
	],
	["overwrites the index", `echo garbage > "$EVAL_ROOT/run/index.jsonl"`],
	["overwrites the run's file", `echo garbage > "$EVAL_ROOT/run/run.json"`],
	[
		"replaces an attempt file",
		`for f in "$EVAL_ROOT"/run/tests/a-*/1.json; do echo '{}' > "$f.x"; mv "$f.x" "$f"; done`,
	],
];

test.each(recordLosses)("a run whose agent %s reports that at its end, and can be resumed", async (_, loss) => {
	const root = tempTree({
		"mine.txt": "mine\n",
		...evalTree("shared", `[ -e "$EVAL_ROOT/done" ] || { touch "$EVAL_ROOT/done"; ${loss}; }`),
	});
	const output = join(root, "run");
	const options = { workers: 1, output, env: { EVAL_ROOT: root } };
	const events: string[] = [];
	const running = runTree({ root }, { ...options, onEvent: ({ type }) => events.push(type) });
	await expect(running).rejects.toMatchObject({
		code: "not-runnable",
		message: expect.stringContaining("a program of the run changed its record"),
		hint: expect.stringContaining("--resume"),
	});
	expect(events.at(-1)).toBe("done");
	expect(readFileSync(join(root, "mine.txt"), "utf8")).toBe("mine\n");
	expect(events.filter((type) => type === "case-finished")).toHaveLength(4);
	const resumed = await runTree({ root }, { ...options, resume: true });
	for (const id of ids) expect(resumed.row(id), id).toMatchObject({ executionStatus: "ok", score: 1 });
	expect(JSON.parse(readFileSync(join(output, resumed.row("a").file ?? ""), "utf8")).output).toBe(ok);
	expect(await verifyRun(output)).toMatchObject({ differences: [], tests: { finished: 4 } });
	expect(checkRunDigest(output)).toMatchObject({ problems: [] });
});
