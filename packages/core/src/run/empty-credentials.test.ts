import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { locateFindings } from "../eval/read-shape.ts";
import { AgentvError } from "../lib/errors.ts";
import { planRun } from "./plan-run.ts";
import { machineIn } from "./testing/run-fixture.ts";

/** Returns the errors that prevent an eval on this target: `file:line:column message`. */
function refusals(
	settings: string,
	env: Readonly<Record<string, string>> = {},
	more: Record<string, string> = {},
): string[] {
	const root = tempTree({
		"my.eval.yaml": "tests: [{ id: a, input: x, assertions: [{ type: equals, value: y }] }]\n",
		"targets.yaml": `targets:\n  - name: default\n${settings
			.split("\n")
			.map((line) => `    ${line}\n`)
			.join("")}  - { name: unused, provider: openai, model: m, api_key: "" }\n`,
		...more,
	});
	try {
		planRun({ evals: [`${root}/my.eval.yaml`] }, machineIn(root, env));
		return [];
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code !== "config") throw error;
		return locateFindings(error.diagnostics).map(
			({ diagnostic, range }) =>
				`${diagnostic.at.file.replace(`${root}/`, "")}:${range?.start.line}:${range?.start.column} ${diagnostic.message}`,
		);
	}
}

const model = "provider: openai\nmodel: m\n";

describe("an empty credential", () => {
	test.each([
		[`${model}api_key: ""`, {}, '`api_key` of target "default" is empty'],
		[`${model}api_key: "  "`, {}, '`api_key` of target "default" is empty'],
		[
			`${model}api_key: \${{ MY_KEY }}`,
			{ MY_KEY: "" },
			'`api_key` of target "default" is empty: variable MY_KEY is set to ""',
		],
		[
			`${model}api_key: k\nbase_url: \${{ GATEWAY }}`,
			{ GATEWAY: "" },
			'`base_url` of target "default" is empty: variable GATEWAY is set to ""',
		],
		[`${model}api_key: k\nendpoint: ""`, {}, '`endpoint` of target "default" is empty'],
		[
			`${model}api_key: k\nheaders: { Authorization: "Bearer \${{ TOKEN_A }}" }`,
			{ TOKEN_A: " " },
			'`headers.Authorization` of target "default" is empty: variable TOKEN_A is set to ""',
		],
		[`${model}api_key: k\nheaders: { X-Api-Key: "" }`, {}, '`headers.X-Api-Key` of target "default" is empty'],
		[
			'provider: claude\nenv: { SOME: "${{ MY_KEY }}" }',
			{ MY_KEY: "" },
			'`env.SOME` of target "default" is empty: variable MY_KEY is set to ""',
		],
		[
			"provider: cli\ncommand: [ask, --key, '${{ MY_KEY }}']",
			{ MY_KEY: "" },
			'`command[2]` of target "default" is empty: variable MY_KEY is set to ""',
		],
	])("is an error before the first test, with its location: %s", (settings, env, message) => {
		const found = refusals(settings, env as Record<string, string>);
		expect(found).toHaveLength(1);
		expect(found[0]).toMatch(/^targets\.yaml:\d+:\d+ /);
		expect(found[0]).toContain(message);
	});

	test("may come from a .env file", () => {
		expect(refusals(`${model}api_key: \${{ MY_KEY }}`, {}, { ".env": "MY_KEY=\n" })).toEqual([
			'targets.yaml:5:14 `api_key` of target "default" is empty: variable MY_KEY is set to ""',
		]);
	});

	test("is also an error in the eval's own workspace", () => {
		const workspace =
			'workspace: { env: { A: "${{ GIT_TOKEN }}" } }\ntests: [{ id: a, input: x, assertions: [{ type: equals, value: y }] }]\n';
		expect(refusals("provider: mock", { GIT_TOKEN: "" }, { "my.eval.yaml": workspace })).toEqual([
			'my.eval.yaml:1:24 `workspace.env.A` is empty: variable GIT_TOKEN is set to ""',
		]);
	});

	test.each([
		[`${model}api_key: \${{ MY_KEY:-}}`, { MY_KEY: "" }],
		[`${model}api_key: \${{ MY_KEY:-}}\nbase_url: \${{ GATEWAY:-}}`, {}],
		[`${model}api_key: \${{ MY_KEY }}`, { MY_KEY: "k" }],
		['provider: claude\nenv: { ANTHROPIC_API_KEY: "" }', {}],
		["provider: mock\nresponses: { token: '', other: \"${{ WORD }}\" }", { WORD: "" }],
		[`${model}api_key: k\nsystem_prompt: ""`, {}],
	])("is accepted if it is deliberate or not secret: %s", (settings, env) => {
		expect(refusals(settings, env as Record<string, string>)).toEqual([]);
	});
});
