import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { agentv, gitRepository, tempTree } from "@agentv/test-support";
import Ajv from "ajv-draft-04";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { junitSuites } from "./testing/junit-suites.ts";

const sarifPackage = createRequire(import.meta.url).resolve("@microsoft/jest-sarif/package.json");
const sarifSchema = join(dirname(sarifPackage), "lib/schemas/sarif-2.1.0-rtm.5.json");

/** Validates an eval with problems in names and texts that every format must escape. */
async function validated(format: string) {
	const cwd = tempTree();
	gitRepository(cwd, {
		"evals, 100%/eval.yaml":
			'target: claude\ntests: "/cases <&>.jsonl"\nassertions:\n  - { type: contians, value: "]]>" }\n  - { type: regex, value: "(" }\n',
		"cases <&>.jsonl": '{"id":"a","input":"hi","criteria":"greets"}\n',
		"targets.yaml": "targets:\n  - { name: claude, provider: mock, response: '${{ ANSWER }}' }\n",
		"sound/eval.yaml": "tests:\n  - { id: a, input: hi, criteria: greets }\n",
		"sound/targets.yaml": "targets:\n  - { name: default, provider: mock }\n",
	});
	const { stdout, stderr, exitCode } = await agentv(["eval", "validate", ".", "--format", format], { cwd });
	expect([exitCode, stderr]).toEqual([1, ""]);
	return stdout;
}

describe("machine-readable formats", () => {
	it("SARIF matches the official schema and includes fixes", async () => {
		const log = JSON.parse(await validated("sarif"));
		const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false }));
		const validate = ajv.compile(JSON.parse(readFileSync(sarifSchema, "utf8")));
		validate(log);
		expect(validate.errors).toBeNull();
		const [run] = log.runs;
		const fixable = run.results.filter(({ fixes }: { fixes?: unknown }) => fixes !== undefined);
		expect(fixable.map(({ ruleId }: { ruleId: string }) => ruleId)).toEqual(["targets.not-local", "path.absolute"]);
		for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex].id).toBe(ruleId);
		expect(run.results).toMatchSnapshot();
	});

	it("GitHub annotations follow the grammar of workflow commands", async () => {
		const stdout = await validated("github");
		const lines = stdout.trimEnd().split("\n");
		const annotations = lines.filter((line) => line.startsWith("::"));
		// `%` and line ends must be escaped everywhere, `,` and `:` only in the values of properties.
		const value = "(?:[^%,:\\r\\n]|%25|%2C|%3A|%0A|%0D)+";
		const command = new RegExp(`^::(error|warning) (?:\\w+=${value})(?:,\\w+=${value})*::(?:[^%\\r\\n]|%25|%0A|%0D)+$`);
		for (const line of annotations) expect(line).toMatch(command);
		expect(annotations.length).toBe(lines.length - 1);
		expect(stdout).toMatchSnapshot();
	});

	it("JUnit matches the schemas of Ant and Jenkins and has correct counts", async () => {
		const stdout = await validated("junit");
		const suites = await junitSuites(stdout);
		expect(suites.map(({ name }) => name)).toEqual(["evals, 100%/eval.yaml", "sound/eval.yaml"]);
		for (const { name, cases } of suites)
			for (const one of cases) {
				expect(one).toMatchObject({ name: expect.stringMatching(/^[a-z]+\./), classname: name });
				if (one.failure) expect(one.failure).toMatchObject({ message: expect.stringMatching(/./), type: one.name });
			}
		expect(stdout).toMatchSnapshot();
	});
});
