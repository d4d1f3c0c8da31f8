import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const check = (score: number) => `process.stdin.resume();\nconsole.log('{"score": ${score}}');\n`;

/** Creates a run of two tests, one of which fails because of its code grader. */
async function project() {
	const cwd = tempTree({
		"my.eval.yaml": `tests:
  - { id: first, input: hi, assertions: [{ type: contains, value: hello }] }
  - { id: second, tags: [slow], input: hi, assertions: [{ type: code-grader, name: check, command: [node, ./check.mjs] }] }
`,
		"targets.yaml": "targets:\n  - { name: default, provider: mock, response: hello there }\n",
		"check.mjs": check(0.1),
	});
	expect(await agentv(["eval", "my.eval.yaml", "--output", "out"], { cwd })).toMatchObject({ exitCode: 1 });
	return cwd;
}

const record = (cwd: string, run: string) => JSON.parse(readFileSync(join(cwd, run, "run.json"), "utf8"));

describe("agentv results regrade", () => {
	test("grades the recorded answers with the current graders, as a new run", async () => {
		const cwd = await project();
		writeFileSync(join(cwd, "check.mjs"), check(0.9));
		const session = await agentv(["results", "regrade", "out", "--output", "again"], { cwd });
		expect(session).toMatchObject({ exitCode: 0, stderr: "" });
		expect(session.stdout).toContain("2 tests: 2 passed");
		expect(record(cwd, "again").origin).toMatchObject({ kind: "regrade", run_id: record(cwd, "out").run_id });
		expect(await agentv(["results", "verify", "again"], { cwd })).toMatchObject({ exitCode: 0 });
	});

	test("uses the eval given with --eval", async () => {
		const cwd = await project();
		const moved = readFileSync(join(cwd, "my.eval.yaml"), "utf8").replace("value: hello", "value: bye");
		writeFileSync(join(cwd, "other.eval.yaml"), moved);
		const session = await agentv(["results", "regrade", "out", "--eval", "other.eval.yaml", "--json"], { cwd });
		expect(JSON.parse(session.stdout).summary).toMatchObject({ planned: 2, passed: 0, failed: 2 });
	});

	test("exits with 2 for an unknown grader", async () => {
		const cwd = await project();
		const session = await agentv(["results", "regrade", "out", "--grader", "chek"], { cwd });
		expect(session).toMatchObject({ exitCode: 2, stdout: "" });
		expect(session.stderr).toMatch(/no grader "chek".*\n.*did you mean "check"/is);
	});
});

describe("agentv eval run --rerun-failed", () => {
	test("runs the tests that did not pass in a new run", async () => {
		const cwd = await project();
		writeFileSync(join(cwd, "check.mjs"), check(0.9));
		const session = await agentv(["eval", "run", "--rerun-failed", "out", "--output", "again"], { cwd });
		expect(session.stdout).toContain("1 test: 1 passed");
		expect(record(cwd, "again").origin).toMatchObject({ kind: "rerun_failed" });
		expect(await agentv(["eval", "run", "--rerun-failed", "again"], { cwd })).toMatchObject({ exitCode: 2 });
		expect(await agentv(["eval", "run", "--rerun-failed", "out", "--resume"], { cwd })).toMatchObject({ exitCode: 2 });
	});
});

test("tests with an excluded tag are skipped, even if another option selects them", async () => {
	const cwd = await project();
	const session = await agentv(["eval", "my.eval.yaml", "--exclude-tag", "slow", "--json"], { cwd });
	expect(JSON.parse(session.stdout).summary).toMatchObject({ planned: 1, passed: 1 });
});
