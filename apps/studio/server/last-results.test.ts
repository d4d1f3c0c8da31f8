import { join } from "node:path";
import { planRun, runEvals } from "@agentv/core";
import { expect, it } from "vitest";
import type { EvalListAnswer } from "./describe-eval.ts";
import { testStudio } from "./testing/test-studio.ts";

it("the last result of an eval counts only its own tests, even in a run of several evals", async () => {
	const test = (id: string, value: string) =>
		`tests: [{id: ${id}, input: hi, assertions: [{type: contains, value: ${value}}]}]\n`;
	const studio = testStudio({
		"cwd/good.eval.yaml": test("a", "yes"),
		"cwd/bad.eval.yaml": test("b", "no"),
		"cwd/targets.yaml": "targets: [{name: default, provider: mock, response: yes}]\n",
	});
	const cwd = join(studio.root, "cwd");
	const machine = { cwd, version: "1.2.3", env: { HOME: studio.root, AGENTV_HOME: join(studio.root, "home") } };
	const evals = ["good.eval.yaml", "bad.eval.yaml"].map((name) => join(cwd, name));
	for await (const _ of runEvals(planRun({ evals }, machine), machine, { signal: new AbortController().signal }));
	const { items } = await studio.json<EvalListAnswer>("/api/evals");
	const last = Object.fromEntries(items.map(({ file, last_result }) => [file, last_result]));
	expect(last["good.eval.yaml"]).toMatchObject({ passed: 1, failed: 0, errors: 0, planned: 1 });
	expect(last["bad.eval.yaml"]).toMatchObject({ passed: 0, failed: 1, errors: 0, planned: 1 });
});
