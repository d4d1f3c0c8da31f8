import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";

const schema = JSON.parse(
	readFileSync(resolve(import.meta.dirname, "../../../docs/schemas/verify-output.schema.json"), "utf8"),
);
const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);

/** Creates a run of two passing tests, one of them with a code grader. */
async function project() {
	const cwd = tempTree({
		"my.eval.yaml": `tests:
  - { id: first, input: hi, assertions: [{ type: contains, value: hello, name: greets }] }
  - { id: second, input: hi, assertions: [{ type: contains, value: hello }, { type: code-grader, command: [node, -e, ""] }] }
`,
		"targets.yaml": "targets:\n  - { name: default, provider: mock, response: hello there }\n",
	});
	const { exitCode } = await agentv(["eval", "run", "my.eval.yaml", "--output", "out"], { cwd });
	expect(exitCode).toBe(0);
	const edit = (file: string, change: (text: string) => string) =>
		writeFileSync(join(cwd, "out", file), change(readFileSync(join(cwd, "out", file), "utf8")));
	const json = async () => {
		const session = await agentv(["results", "verify", "out", "--json"], { cwd });
		const document = JSON.parse(session.stdout);
		expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
		return { document, exitCode: session.exitCode };
	};
	return { cwd, edit, json };
}

describe("agentv results verify", () => {
	test("reports that everything matches, and which graders it did not run again", async () => {
		const { cwd, json } = await project();
		const { stdout: digest } = await agentv(["results", "verify", "out", "--print-digest"], { cwd });
		expect(digest).toBe(
			`${createHash("sha256")
				.update(readFileSync(join(cwd, "out/run.sha256")))
				.digest("hex")}\n`,
		);
		expect(await agentv(["results", "verify", "out"], { cwd })).toEqual({
			exitCode: 0,
			stderr: "",
			stdout: `✓ out  everything matches

2 tests, 2 attempts: 2 graders re-graded the recorded answers
not run again, recorded scores kept: 1 grader (1 code-grader)
digest ${digest}`,
		});
		expect(await json()).toMatchObject({
			exitCode: 0,
			document: {
				agrees: true,
				digest: digest.trim(),
				tests: { planned: 2, finished: 2 },
				graders: { re_executed: 2 },
				differences: [],
			},
		});
	});

	test("exits with 1 and reports test, grader and both values of each difference", async () => {
		const { cwd, edit, json } = await project();
		const file = JSON.parse(readFileSync(join(cwd, "out/index.jsonl"), "utf8").split("\n")[0] ?? "").file;
		edit(file, (text) => text.replaceAll("hello there", "good \\u001b[2J bye"));
		edit("summary.json", (text) => text.replace('"passed": 2', '"passed": 3'));
		const session = await agentv(["results", "verify", "out"], { cwd });
		expect({
			...session,
			stdout: session.stdout.replace(file, "<file>").replace(/[0-9a-f]{64}/, "<digest>"),
		}).toMatchInlineSnapshot(`
			{
			  "exitCode": 1,
			  "stderr": "",
			  "stdout": "✗ out  9 differences

			  record
			    summary.json was modified after the run (SHA-256 mismatch)

			  my.eval.yaml › first (default)
			    <file> was modified after the run (SHA-256 mismatch)
			    grader greets: score recorded 1, recomputed 0
			    score: recorded 1, recomputed 0
			    execution_status: recorded ok, recomputed quality_failure

			  summary.json
			    passed: recorded 3, recomputed 1
			    failed: recorded 0, recomputed 1
			    mean_score: recorded 1, recomputed 0.5
			    mean_score_lower_bound: recorded 1, recomputed 0.5

			2 tests, 2 attempts: 2 graders re-graded the recorded answers
			not run again, recorded scores kept: 1 grader (1 code-grader)
			digest <digest>
			",
			}
		`);
		expect(await json()).toMatchObject({
			exitCode: 1,
			document: {
				agrees: false,
				differences: expect.arrayContaining([
					expect.objectContaining({
						...{ kind: "grader", test_id: "first", attempt: 1, grader: "greets" },
						...{ field: "score", recorded: 1, recomputed: 0 },
					}),
				]),
			},
		});
	});

	test("doesn't need the eval, its targets or programs", async () => {
		const { cwd } = await project();
		writeFileSync(join(cwd, "my.eval.yaml"), "tests: []\n");
		expect(await agentv(["results", "verify", "out"], { cwd })).toMatchObject({ exitCode: 0 });
	});

	test("refuses invalid runs", async () => {
		const cwd = tempTree({ "out/run.json": "{}" });
		for (const run of ["nowhere", "out", "latest"])
			expect(await agentv(["results", "verify", run], { cwd })).toMatchObject({ exitCode: 2, stdout: "" });
	});
});
