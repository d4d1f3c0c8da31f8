import { describe, expect, test } from "vitest";
import { findingsOf, loadTree, oneTest } from "./testing/load-text.ts";

const grader = (prompt: string, ...more: readonly string[]) =>
	oneTest("input: x", ...more, "assertions:", "  - type: llm-grader", `    prompt: ${prompt}`);
const aggregator = (prompt: string) =>
	oneTest(
		...["input: x", "assertions:", "  - type: composite", "    assertions: [{ type: equals, value: y }]"],
		...["    aggregator:", "      type: llm-grader", `      prompt: ${prompt}`],
	);

/** Returns the `line:column` of the first `name` in `text`. */
function placeIn(text: string, name: string): string {
	const lines = text.slice(0, text.indexOf(name)).split("\n");
	return `${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
}

describe("the prompt of an llm-grader", () => {
	test.each([
		[
			"an unknown variable",
			grader('"{{ output }} by {{ critera }}"'),
			"{{ critera }}",
			"uses {{ critera }}, which is not a variable",
		],
		[
			"a missing answer",
			grader('"By {{ criteria }} and {{ input }}"'),
			"{{ criteria }}",
			"but none that contains the answer",
		],
		[
			"results outside of an aggregator",
			grader('"{{ grader_results_json }} {{ output }}"'),
			"{{ grader_results_json }}",
			"is not a variable",
		],
		["a name with a dot", grader('"{{ output.text }}"'), "{{ output.text }}", "uses {{ output.text }}"],
		[
			"an aggregator without results",
			aggregator('"{{ output }}"'),
			"{{ output }}",
			"none that contains the graders' results",
		],
		["an unknown variable of an aggregator", aggregator('"{{ results }}"'), "{{ results }}", "uses {{ results }}"],
		[
			"the second of two on a later line",
			grader("|\n          {{ output }}\n          Is {{ output }} {{ foo }}?"),
			"{{ foo }}",
			"{{ foo }}",
		],
		[
			"an unknown name next to vars",
			grader('"{{ output }} {{ prodct }}"', "vars: { product: z }"),
			"{{ prodct }}",
			"{{ prodct }}",
		],
	])("is refused because of %s, at the variable", (_, text, name, message) => {
		const [found, ...others] = findingsOf(loadTree({ "eval.yaml": text }));
		expect(others).toEqual([]);
		expect(found).toMatch(`eval.yaml:${placeIn(text, name)} error assertions.prompt-variable`);
		expect(found).toContain(message);
	});

	test.each([
		["an instruction", grader('"Is it polite?"')],
		["an instruction about a var", grader('"Does it name {{ product }}?"', "vars: { product: z }")],
		["the answer in an older spelling and letter case", grader('"{{CANDIDATE_ANSWER}}"')],
		["the agent's file changes", grader('"{{ file_changes }} {{ criteria }}"')],
		["a literal", grader('"{{{{ critera }}}} of {{ output }}"')],
		["another template language", grader('"{% if a %}{{#each x}}{{> y}}{% endif %} {{ output }}"')],
		["an aggregator's results", aggregator('"{{ EVALUATOR_RESULTS_JSON }} {{ output }}"')],
		["a program", grader("{ command: [node, x.mjs, '{{ anything }}'] }")],
	])("may be %s", (_, text) => {
		expect(findingsOf(loadTree({ "eval.yaml": text }))).toEqual([]);
	});

	test("is checked at its location in its own file, and gets the test's vars", () => {
		const prompt = "Judge {{ product }}.\n\n{{ output }}\r\nLiteral: {{{{ output }}}}\nBy {{ critera }}\n";
		const text = grader("./judge.md", "vars: { product: 'a {{ output }}' }");
		const bad = loadTree({ "eval.yaml": text, "judge.md": prompt });
		expect(findingsOf(bad)).toEqual([
			"judge.md:5:4 error assertions.prompt-variable the prompt uses {{ critera }}, which is not a variable",
		]);
		expect(bad.diagnostics[0]?.hint).toBe("did you mean {{ criteria }}?");
		// The prompt is filled again before it is sent, so text from a var must stay literal.
		expect(bad.tests[0]?.assertions[0]?.promptText).toBe(
			"Judge a {{{{ output }}}}.\n\n{{ output }}\r\nLiteral: {{{{ output }}}}\nBy {{ critera }}\n",
		);
	});

	test("is checked with the vars of each test if it applies to all tests", () => {
		const shared = "assertions: [{ type: llm-grader, prompt: '{{ output }} names {{ product }}' }]\n";
		const tests = "  - { id: b, input: x, vars: { product: z } }\n";
		expect(findingsOf(loadTree({ "eval.yaml": `${shared}tests:\n${tests}` }))).toEqual([]);
		const [found] = findingsOf(loadTree({ "eval.yaml": `${shared}tests:\n${tests}  - { id: c, input: x }\n` }));
		expect(found).toMatch("eval.yaml:1:62 error assertions.prompt-variable");
	});

	test("gets the vars of the test that includes it", () => {
		const files = { "t.yaml": "- type: llm-grader\n  prompt: '{{ output }} is {{ kind }}'\n" };
		const entry = (vars: string) => oneTest("input: x", `vars: ${vars}`, "assertions: [{ include: ./t.yaml }]");
		expect(
			loadTree({ ...files, "eval.yaml": entry("{ kind: short }") }).tests[0]?.assertions[0]?.settings,
		).toMatchObject({
			prompt: "{{ output }} is short",
		});
		expect(findingsOf(loadTree({ ...files, "eval.yaml": entry("{ knd: short }") }))[0]).toMatch("t.yaml:2:28 error");
	});
});

describe("an input", () => {
	const fields = [
		(text: string) => oneTest(`input: "${text}"`, "criteria: y"),
		(text: string) => oneTest(`input: [{ role: user, content: "${text}" }]`, "criteria: y"),
		(text: string) => oneTest("input: x", `criteria: "${text}"`),
		(text: string) => oneTest("input: x", `expected_output: { a: "${text}" }`),
		(text: string) => oneTest("mode: conversation", `turns: [{ input: "${text}" }]`),
		(text: string) => `input: "${text}"\n${oneTest("input: x", "criteria: y")}`,
	];

	test.each(fields)("may use only the test's vars if there are any (%#)", (make) => {
		const text = make("Hi {{ b }}, {{ a }} {{ b }}").replace("- id: a", "- id: a\n    vars: { a: 1, bc: { d: 2 } }");
		const found = findingsOf(loadTree({ "eval.yaml": text }));
		expect(found.map((one) => one.replace(/^\S+ /, ""))).toEqual([
			"error vars.unknown {{ b }} is not one of the test's vars (a, bc, bc.d)",
			"error vars.unknown {{ b }} is not one of the test's vars (a, bc, bc.d)",
		]);
		const columns = found.map((one) => Number(/:(\d+) error/.exec(one)?.[1]));
		expect((columns[1] ?? 0) - (columns[0] ?? 0)).toBe("{{ b }}, {{ a }} ".length);
	});

	test.each(fields)("is plain text if the test has no vars (%#)", (make) => {
		const loaded = loadTree({ "eval.yaml": make("{{ b }} {{{{ c }}}} {{#if d}}") });
		expect(findingsOf(loaded).map((one) => one.replace(/^\S+ /, ""))).toEqual([
			"warning vars.unknown {{ b }} is not replaced: the test has no `vars`",
		]);
		expect(JSON.stringify(loaded.tests)).toContain("{{ b }} {{ c }} {{#if d}}");
	});

	test("in PROMPT.md is checked at its location in that file", () => {
		const files = { "PROMPT.md": "\nHello\n  {{ whom }} and {{{{ you }}}}\n" };
		const loaded = loadTree({ ...files, "eval.yaml": oneTest("vars: { who: z }", "criteria: y") });
		expect(findingsOf(loaded)).toEqual([
			"PROMPT.md:3:3 error vars.unknown {{ whom }} is not one of the test's vars (who)",
		]);
		const plain = loadTree({ ...files, "eval.yaml": oneTest("criteria: y") });
		expect(plain.tests[0]?.input[0]?.content).toBe("Hello\n  {{ whom }} and {{ you }}");
	});

	test("may refer to the environment, or to the workspace in a path", () => {
		const text = oneTest(
			...["vars: { a: 1 }", 'input: [{ role: user, content: [{ type: file, value: "{{workspace_path}}/x" }] }]'],
			...["criteria: 'for ${{ github.ref }} {{ a }}'"],
		);
		expect(findingsOf(loadTree({ "eval.yaml": text }))).toEqual([]);
	});

	test("in JSON Lines is checked at its line and column", () => {
		const row = '{"id":"a","vars":{"x":1},"criteria":"y","input":"\\u0041 {{ y }}"}';
		const loaded = loadTree({ "tests.jsonl": `\n${row}\n` }, { entry: "tests.jsonl" });
		expect(findingsOf(loaded)[0]).toMatch(`tests.jsonl:${placeIn(`\n${row}`, "{{ y }}")} error vars.unknown {{ y }}`);
	});

	test("is filled after environment variables, and checked at the variable's location", () => {
		const text = oneTest("vars: { a: 1 }", "input: ${{ QUESTION }}", "criteria: y");
		const loaded = loadTree({ "eval.yaml": text }, { env: { QUESTION: "{{ a }} {{ nope }}" } });
		expect(loaded.tests[0]?.input[0]?.content).toBe("1 {{ nope }}");
		expect(findingsOf(loaded)[0]).toMatch("eval.yaml:4:12 error vars.unknown {{ nope }}");
	});
});
