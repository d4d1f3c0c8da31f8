import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { withLock } from "../machine/lock.ts";
import { resumedRequest } from "./run-request.ts";
import { mockTargets, type RanEval, runTree } from "./testing/run-fixture.ts";

const text = "tests: [{id: a, input: hi}, {id: b, input: hi}]\nassertions: [{type: contains, value: yes}]\n";
const files = { "my.eval.yaml": text, "more/my.eval.yaml": text, "targets.yaml": mockTargets("yes") };

/** Returns a run of two evals with one missing result. */
async function gap(): Promise<RanEval> {
	const root = tempTree(files);
	const evals = [join(root, "my.eval.yaml"), join(root, "more/my.eval.yaml")];
	const run = await runTree({ root }, { evals, workers: 1 });
	const index = join(run.runDir, "index.jsonl");
	const lines = readFileSync(index, "utf8").split("\n");
	writeFileSync(index, `${lines.slice(0, 3).join("\n")}\n`);
	return run;
}

describe("running only the missing tests of another run", () => {
	test("runs just these, as a part of the whole run", async () => {
		const { root, runDir } = await gap();
		const request = { ...resumedRequest(runDir, { evals: [] }), onlyMissing: runDir };
		const rest = await runTree({ root }, { ...request, output: join(root, "rest") });
		expect(rest.events[0]).toMatchObject({ type: "started", planned: 1, alreadyDone: 0 });
		expect(rest.summary).toMatchObject({ planned: 1, passed: 1 });
		const { planned, whole, shard } = readRunFile(rest.runDir);
		expect({ planned, whole: whole?.length, shard }).toEqual({
			planned: [[1, "b", "default"]],
			whole: 4,
			shard: undefined,
		});
		const again = await runTree({ root }, { ...request, output: join(root, "rest"), resume: true });
		expect(again.events[0]).toMatchObject({ planned: 1, alreadyDone: 1 });
	});

	test("is refused if the other run is in progress", async () => {
		const { root, runDir } = await gap();
		const request = { ...resumedRequest(runDir, { evals: [] }), onlyMissing: runDir };
		const refused = expect.objectContaining({ code: "config", message: expect.stringContaining("in progress") });
		await withLock(
			runDir,
			async () => expect(runTree({ root }, { ...request, output: join(root, "rest") })).rejects.toEqual(refused),
			{ lockDirectory: runDir },
		);
	});

	test("needs all evals of the other run and no others", async () => {
		const { root, runDir } = await gap();
		const request = { ...resumedRequest(runDir, { evals: [] }), onlyMissing: runDir };
		const [first = "", second = ""] = request.evals;
		const withEvals = (...evals: string[]) =>
			runTree({ root }, { ...request, evals, output: join(root, `rest-${evals.length}`) });
		await expect(withEvals(first)).rejects.toThrow("more/my.eval.yaml is part of the run but was not specified");
		writeFileSync(join(root, "third.eval.yaml"), text);
		await expect(withEvals(first, second, join(root, "third.eval.yaml"))).rejects.toThrow(
			"third.eval.yaml is not part of the run",
		);
		writeFileSync(join(root, "targets.yaml"), mockTargets("yes").replace("default", "other"));
		await expect(runTree({ root }, { ...request, targets: ["other"], output: join(root, "rest") })).rejects.toThrow(
			/the planned tests or targets have changed.*\n.*test "a" of my.eval.yaml with target "default" was removed/,
		);
	});
});
