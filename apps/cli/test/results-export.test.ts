import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { eventfulRun, secret } from "@agentv/test-support/eventful-run";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { junitSuites } from "./testing/junit-suites.ts";

const schemas = resolve(import.meta.dirname, "../../../docs/schemas");
const read = (name: string) => JSON.parse(readFileSync(join(schemas, name), "utf8"));
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
ajv.addSchema(read("results.schema.json"), "results.schema.json");

function expectValid(schema: object | string, value: unknown): void {
	const validate = typeof schema === "string" ? ajv.getSchema(schema) : ajv.compile(schema);
	if (!validate) throw new Error(`there is no schema ${schema}`);
	expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
}

describe("agentv results export", () => {
	test("exports a run to every format without its secrets", async () => {
		const cwd = await eventfulRun();
		const exported = async (format: string) => {
			const session = await agentv(["results", "export", "out", "--format", format], { cwd });
			expect([session.exitCode, session.stderr]).toEqual([0, ""]);
			expect(session.stdout).not.toContain(secret);
			return session.stdout;
		};
		const document = JSON.parse(await exported("json"));
		expectValid(read("export-output.schema.json"), document);
		expect(document).toMatchObject({
			experiment: "default",
			summary: { planned: 12, passed: 8, failed: 2, errors: 2 },
		});
		expect(document.results).toHaveLength(16);

		const rows = (await exported("jsonl"))
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line));
		for (const row of rows) expectValid("results.schema.json", row);
		expect(rows).toEqual(document.results);
		expect(readFileSync(join(cwd, "out/index.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(16);

		const suites = await junitSuites(await exported("junit"));
		const own = (target: string) => suites.find(({ name }) => name === `support.eval.yaml (${target})`)?.cases;
		for (const target of ["careful", "quick"])
			expect(own(target)?.map(({ name, failure, error }) => [name, failure?.type ?? error?.type ?? ""])).toEqual([
				...[
					["greets", ""],
					["tried-thrice", ""],
					["hostile <b>|id`", "quality_failure"],
					["long", ""],
				],
				...[
					["keeps-secrets", ""],
					["unanswered", "not-recorded"],
				],
			]);

		const steady = (text: string) =>
			text.replace(/\d+(\.\d+)?m?s\b/g, "<time>").replace(/started \S+\./, "started <time>.");
		expect(steady(await exported("markdown"))).toMatchInlineSnapshot(`
			"## ❌ support

			12 tests: **8 passed**, **2 failed**, **2 not graded** · mean score 0.80 (10 of 12) · <time> · $0.50 · 50 tokens

			| Target | Passed | Failed | Not graded | Mean score | Mean time | Cost |
			| --- | ---: | ---: | ---: | ---: | ---: | ---: |
			| careful | 4 | 1 | 1 | 0.80 (5 of 6) | <time> | $0.25 |
			| quick | 4 | 1 | 1 | 0.80 (5 of 6) | <time> | $0.25 |

			### What did not pass

			- **hostile \\<b\\>\\|id\\\`** (careful): score 0.00, threshold 0.8
			  - \\<i\\>name: the answer equals "nothing" — it is "\\</script\\>\\<script\\>document.title = \\\\"owned\\\\"\\</script\\>\\<img src=x onerror='document.title = \\\\"owned\\\\"'\\>\\\\u0007\\\\u001b\\[31m \\& \\\\u{202e} \\| \\\`x\\\` \\*\\*y\\*\\*"
			- **unanswered** (careful): not graded
			  - target: no recorded answer for "unanswered"
			- **hostile \\<b\\>\\|id\\\`** (quick): score 0.00, threshold 0.8
			  - \\<i\\>name: the answer equals "nothing" — it is "\\</script\\>\\<script\\>document.title = \\\\"owned\\\\"\\</script\\>\\<img src=x onerror='document.title = \\\\"owned\\\\"'\\>\\\\u0007\\\\u001b\\[31m \\& \\\\u{202e} \\| \\\`x\\\` \\*\\*y\\*\\*"
			- **unanswered** (quick): not graded
			  - target: no recorded answer for "unanswered"

			Run out (default), started <time>.
			"
		`);
		expect(await exported("html")).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
	});

	test("writes to a file, and reports a path that it can't write to", async () => {
		const cwd = await eventfulRun();
		const exportTo = (file: string) =>
			agentv(["results", "export", "out", "--format", "jsonl", "--output", file], { cwd });
		expect(await exportTo("rows.jsonl")).toEqual({ exitCode: 0, stdout: "Wrote rows.jsonl\n", stderr: "" });
		writeFileSync(join(cwd, "rows.jsonl"), "old");
		expect(await exportTo("rows.jsonl")).toMatchObject({ exitCode: 0 });
		expect(readFileSync(join(cwd, "rows.jsonl"), "utf8")).toBe(readFileSync(join(cwd, "out/index.jsonl"), "utf8"));
		expect(await exportTo("out")).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining("out") });
		expect(await exportTo("rows.jsonl/below")).toMatchObject({ exitCode: 2, stdout: "" });
		expect(await exportTo("new/folder/rows.jsonl")).toMatchObject({ exitCode: 0 });
	});

	test("refuses invalid runs and unknown formats", async () => {
		const cwd = tempTree({ "out/run.json": "{}" });
		for (const run of ["nowhere", "out", "latest"])
			expect(await agentv(["results", "export", run, "--format", "json"], { cwd })).toMatchObject({
				...{ exitCode: 2, stdout: "", stderr: expect.stringMatching(/error/) },
			});
		expect(await agentv(["results", "export", "out", "--format", "pdf"], { cwd })).toMatchObject({
			...{ exitCode: 2, stderr: expect.stringMatching(/html/) },
		});
	});

	test("exports an unfinished run with a warning", async () => {
		const cwd = await eventfulRun();
		const index = join(cwd, "out/index.jsonl");
		rmSync(join(cwd, "out/summary.json"));
		const lines = readFileSync(index, "utf8").split("\n");
		writeFileSync(index, `${lines.slice(0, 2).join("\n")}\n${lines[2]?.slice(0, 40)}`);
		const exported = async (format: string) => {
			const session = await agentv(["results", "export", "out", "--format", format], { cwd });
			expect(session).toMatchObject({ exitCode: 0, stderr: "warning: out: Not finished: 11 of 12 tests not run\n" });
			return session.stdout;
		};
		expect(JSON.parse(await exported("json"))).toMatchObject({ summary: null, results: { length: 2 } });
		expect(await exported("markdown")).toMatch(
			/^## ❌ support\n\n12 tests: \*\*1 passed\*\*, 0 failed, \*\*11 not run\*\* .*\n\n\*\*Not finished: 11 of 12 tests not run\.\*\*\n/,
		);
		expect(await exported("html")).toMatch(
			/"run":\{.*"state":"unfinished",.*"summary":\{"planned":12,"passed":1,"failed":0,"errors":0,/,
		);
		const suites = await junitSuites(await exported("junit"));
		expect(suites.map((suite) => suite.cases.length)).toEqual([6, 6]);
		expect(suites.flatMap((suite) => suite.cases).filter(({ skipped }) => skipped !== undefined)).toHaveLength(11);
	});

	test("exports a run whose attempt files are missing", async () => {
		const cwd = await eventfulRun();
		rmSync(join(cwd, "out/tests"), { recursive: true });
		for (const format of ["html", "markdown", "json", "junit"])
			expect(await agentv(["results", "export", "out", "--format", format], { cwd })).toMatchObject({ exitCode: 0 });
	});
});
