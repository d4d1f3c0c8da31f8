import { expect, test } from "vitest";
import type { EvalListAnswer } from "./describe-eval.ts";
import { testStudio } from "./testing/test-studio.ts";

test("an API key that equals a field name doesn't redact that field in other responses", async () => {
	const evalText = "tests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n";
	const studio = testStudio({
		"cwd/good/good.eval.yaml": evalText,
		"cwd/good/targets.yaml": "targets: [{name: default, provider: mock, response: hi}]\n",
		"cwd/bad/bad.eval.yaml": evalText,
		"cwd/bad/targets.yaml":
			"targets:\n  - {name: default, provider: openai, model: m, api_key: last_result, headers: {x: mean_score, y: execution_error}}\n",
	});
	const list = () => studio.json<EvalListAnswer>("/api/evals");
	const before = await list();
	for (const { id } of before.items) await studio.json(`/api/evals/${id}`);
	const after = await list();
	expect(after.items.map((item) => Object.keys(item))).toEqual(before.items.map((item) => Object.keys(item)));
	expect(after.items.map(({ file }) => file)).toEqual(["bad/bad.eval.yaml", "good/good.eval.yaml"]);
	expect(JSON.stringify(before)).toContain("good.eval.yaml");
});
