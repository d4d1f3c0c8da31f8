import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gradingFixture } from "./testing/grading-fixture.ts";

const program = (code: string) => ({ "grade.mjs": code });
const grader = "{type: code-grader, command: [node, ./grade.mjs], timeout_seconds: 10}";

describe("a code-grader", () => {
	test("reads everything about the answer from stdin", async () => {
		const fixture = gradingFixture(
			"{type: code-grader, command: [node, ./grade.mjs], config: {strict: true}, expect_files: [a]}",
			program(
				'import { writeFileSync } from "node:fs"; let s = ""; for await (const c of process.stdin) s += c; writeFileSync("seen.json", s); console.log(JSON.stringify({ score: 0.5, assertions: [{ text: process.env.AGENTV_EXPERIMENT, passed: true }], details: { keyKept: 1 } }));',
			),
		);
		const graded = await fixture.grade({
			output: "the answer",
			metadata: { userKey: "kept as it is" },
			messages: [{ role: "assistant", content: "the answer", toolCalls: [{ tool: "Read", durationMs: 5 }] }],
			toolCalls: [{ tool: "Read", durationMs: 5 }],
			fileChanges: "diff --git",
			tokenUsage: { input: 1, output: 2 },
		});
		expect(graded).toMatchObject({
			score: 0.5,
			assertions: [{ text: "default", passed: true }],
			details: { keyKept: 1 },
		});
		expect(JSON.parse(readFileSync(join(fixture.root, "seen.json"), "utf8"))).toMatchObject({
			output: "the answer",
			output_path: null,
			metadata: { userKey: "kept as it is" },
			messages: [{ role: "assistant", tool_calls: [{ tool: "Read", duration_ms: 5 }] }],
			trace_summary: { tool_calls: { Read: 1 }, error_count: 0 },
			config: { strict: true, expect_files: ["a"] },
			file_changes: "diff --git",
			token_usage: { input: 1, output: 2 },
		});
	});

	test("reads a long answer from a file", async () => {
		const fixture = gradingFixture(
			grader,
			program(
				'import { readFileSync } from "node:fs"; const { output, output_path } = JSON.parse(readFileSync(0)); console.log(JSON.stringify({ score: output === null && readFileSync(output_path, "utf8").length === 60000 ? 1 : 0 }));',
			),
		);
		expect(await fixture.grade({ output: "x".repeat(60_000) })).toMatchObject({ score: 1 });
	});

	test.each([
		[
			"console.log(JSON.stringify({assertions: [{text: 'a', passed: true}, {text: 'b', passed: false}]}))",
			{ score: 0.5 },
		],
		["console.log('looks fine')", { score: 1 }],
		["console.error('not good'); process.exit(3)", { score: 0, assertions: [{ evidence: "exit code 3: not good" }] }],
		["console.log('loading…\\n' + JSON.stringify({score: 0.25})); process.exit(1)", { score: 0.25 }],
		["console.log(JSON.stringify({score: 7}))", { couldNotRun: { code: "bad-reply" } }],
		["process.kill(process.pid, 'SIGKILL')", { couldNotRun: { code: "signal" } }],
		["process.exit(127)", { couldNotRun: { code: "exit-code" } }],
	])("grades the answer with the program: %s", async (code, expected) => {
		expect(await gradingFixture(grader, program(code)).grade({ output: "x" })).toMatchObject(expected);
	});

	test.each([
		[
			"its output is truncated at 10 MB",
			"console.log('x'.repeat(1024).concat('\\n').repeat(11_000) + '{\"score\": 1}')",
			"output was truncated",
		],
		[
			"it prints bytes that are not text",
			"process.stdout.write(Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d]))",
			"in braces",
		],
		["it prints a pass but exits with 1", "console.log('{\"pass\": true}'); process.exit(1)", "(exit code 1)"],
	])("has an unusable reply if %s", async (_, code, message) => {
		expect(await gradingFixture(grader, program(code)).grade({ output: "x" })).toMatchObject({
			couldNotRun: { code: "bad-reply", message: expect.stringContaining(message) },
		});
	});

	test("accepts a reply if only stderr is too long", async () => {
		const code = "console.error('x'.repeat(11 * 1024 * 1024)); console.log('{\"score\": 0.5}')";
		expect(await gradingFixture(grader, program(code)).grade({ output: "x" })).toMatchObject({ score: 0.5 });
	});

	test("could not run if the program can't be started or doesn't finish in time", async () => {
		expect(await gradingFixture("{type: code-grader, command: no-such-program}").grade({})).toMatchObject({
			couldNotRun: { code: "not-found", message: expect.stringContaining("no-such-program") },
		});
		const sleeps = gradingFixture('{type: code-grader, command: "sleep 60 & wait", timeout_seconds: 0.3}');
		expect(await sleeps.grade({})).toMatchObject({ couldNotRun: { code: "timeout" } });
	});
});

describe("a custom type", () => {
	const custom = (ending: string, code: string) =>
		gradingFixture("{type: polite, least: 2}", { [`.agentv/graders/polite.${ending}`]: code });

	test("is a program with the entry's keys as its config", async () => {
		const js =
			'const { config } = JSON.parse(require("fs").readFileSync(0)); console.log(JSON.stringify({ score: config.least / 4 }));';
		expect(await custom("js", js).grade({})).toMatchObject({ score: 0.5, type: "polite" });
		expect(await custom("sh", "cat >/dev/null; exit 1").grade({})).toMatchObject({ score: 0 });
		expect(await custom("py", "import json\nprint(json.dumps({'score': 0.75}))").grade({})).toMatchObject({
			score: 0.75,
		});
	});

	test("in TypeScript needs a program that runs it", async () => {
		const fixture = gradingFixture(
			"{type: polite}",
			{ ".agentv/graders/polite.ts": "" },
			{ env: { PATH: "/nowhere" } },
		);
		expect(await fixture.grade({})).toMatchObject({
			couldNotRun: { code: "not-found", message: expect.stringContaining("needs `bun` or `tsx`") },
		});
	});
});

test("a script that does not exist could not run, regardless of its interpreter's exit code", async () => {
	for (const command of ["[node, ./gone.mjs]", "python3 ./gone.py", "[./gone.sh]"]) {
		const fixture = gradingFixture(`{type: code-grader, negate: true, command: ${command}}`);
		expect(await fixture.grade({ output: "x" })).toMatchObject({
			couldNotRun: { code: "not-found", message: expect.stringMatching(/\.\/gone\.\w+ does not exist/) },
		});
	}
	const plain = gradingFixture("{type: code-grader, command: [node, -e, '0', ./report.json]}");
	expect(await plain.grade({ output: "x" })).toMatchObject({ score: 1 });
});
