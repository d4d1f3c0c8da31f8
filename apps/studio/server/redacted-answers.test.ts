import { expect, test } from "vitest";
import type { EvalListAnswer } from "./answers/evals.ts";
import { testStudio } from "./testing/test-studio.ts";

test("an eval's targets file changes no answer about others", async () => {
	const evalText = "tests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n";
	const studio = testStudio({
		"cwd/good/good.eval.yaml": evalText,
		"cwd/good/targets.yaml": "targets: [{name: default, provider: mock, response: hi}]\n",
		"cwd/bad/bad.eval.yaml": evalText,
		"cwd/bad/targets.yaml":
			"targets:\n  - {name: default, provider: openai, model: m, api_key: good.eval, headers: {x: last_result, y: good/good.eval.yaml1}}\n",
	});
	const list = () => studio.json<EvalListAnswer>("/api/evals");
	const before = await list();
	for (const { id } of before.items) await studio.json(`/api/evals/${id}`);
	expect((await list()).items).toEqual(before.items);
	expect(JSON.stringify(before)).toContain("good.eval.yaml");
});
