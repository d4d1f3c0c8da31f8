import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { junitSuites } from "./testing/junit-suites.ts";

const evalText = `name: sums
tests:
  - id: good
    input: one plus one
    assertions: [{ type: contains, value: two }]
  - id: bad
    input: two plus two
    assertions: [{ name: exact, type: equals, value: four }]
`;
const targets = "targets:\n  - { name: default, provider: mock, response: it is two }\n";
const files = { "my.eval.yaml": evalText, "targets.yaml": targets };
/** Replaces times and durations by placeholders. */
const steady = (text: string) =>
	text
		.replace(/\d{4}-\d\d-\d\dT[\d-]+Z/g, "<time>")
		.replace(/\d+(\.\d+)?m?s\b/g, "<duration>")
		.replace(/ +/g, " ");

describe("agentv eval run", () => {
	test("shows each test, the reasons for failures, and the path of the results", async () => {
		const session = await agentv(["eval", "run", "my.eval.yaml", "--workers", "1"], { cwd: tempTree(files) });
		expect({ ...session, stdout: steady(session.stdout) }).toMatchInlineSnapshot(`
			{
			  "exitCode": 1,
			  "stderr": "",
			  "stdout": "✓ good (default) 1.00 <duration>
			✗ bad (default) 0.00 < 0.80 <duration>

			Target Passed Failed Not graded Mean score Mean time Cost
			default 1 1 0 0.50 <duration> –

			✗ bad (default) 0.00 < 0.80
			 ✗ exact equals 0.00
			 ✗ the answer equals "four" — it is "it is two"

			2 tests: 1 passed, 1 failed · mean score 0.50 · <duration>
			Results: .agentv/results/runs/default/<time>
			",
			}
		`);
	});

	test("shows the output of a failed after_each hook", async () => {
		const hooks = 'hooks: { after_each: [sh, -c, "echo no space >&2; exit 3"] }\n';
		const cwd = tempTree({ ...files, "my.eval.yaml": evalText + hooks });
		const warning = "    ! the after_each hook exited with code 3: no space\n";
		const { stdout } = await agentv(["eval", "my.eval.yaml", "--workers", "1"], { cwd });
		expect(stdout).toMatch(/^✓ good .*\n {4}! the after_each hook exited with code 3: no space\n/);
		expect((await agentv(["results", "show", "latest", "--test", "good"], { cwd })).stdout).toContain(warning);
	});

	test("has a short form", async () => {
		const cwd = tempTree(files);
		expect(await agentv(["eval", "my.eval.yaml", "--test", "good"], { cwd })).toMatchObject({ exitCode: 0 });
		expect(await agentv(["eval", "my.eval.yaml", "--test", "good", "--threshold", "2"], { cwd })).toMatchObject({
			exitCode: 2,
		});
	});

	test("exits with 4 if a test could not be run, even if another failed", async () => {
		const cwd = tempTree({
			"my.eval.yaml": evalText,
			"targets.yaml": "targets:\n  - { name: default, provider: replay, fixtures: ./answers.jsonl }\n",
			"answers.jsonl": '{"test_id": "bad", "output": "five"}\n',
		});
		expect(await agentv(["eval", "my.eval.yaml"], { cwd })).toMatchObject({ exitCode: 4 });
	});

	test("prints one JSON document with --json", async () => {
		const cwd = tempTree(files);
		const { stdout, stderr, exitCode } = await agentv(["eval", "my.eval.yaml", "--json", "--output", "out"], { cwd });
		expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });
		expect(JSON.parse(stdout)).toMatchObject({
			run_dir: join(cwd, "out"),
			summary: { planned: 2, passed: 1, failed: 1, errors: 0, mean_score: 0.5, token_usage: null, cost_usd: null },
		});
		expect(readFileSync(join(cwd, "out/.gitignore"), "utf8")).toBe("*\n");
	});

	test("reports as JUnit and as GitHub annotations", async () => {
		const cwd = tempTree(files);
		const junit = await agentv(["eval", "my.eval.yaml", "--workers", "1", "--reporter", "junit"], { cwd });
		expect(await junitSuites(junit.stdout)).toMatchObject([
			{
				...{ name: "my.eval.yaml (default)", tests: "2", failures: "1", errors: "0" },
				cases: [
					{ name: "good" },
					{
						name: "bad",
						failure: { message: "score 0 is below 0.8", text: expect.stringMatching(/^exact: the answer equals/) },
					},
				],
			},
		]);
		const github = await agentv(["eval", "my.eval.yaml", "--reporter", "github"], { cwd });
		expect(github.stdout).toMatch(
			/^::error file=my\.eval\.yaml,line=6,title=bad \(default\)::score 0 is below 0\.8%0A/m,
		);
		expect(await agentv(["eval", "my.eval.yaml", "--reporter", "xml"], { cwd })).toMatchObject({ exitCode: 2 });
	});

	test("prints the plan with --dry-run and runs nothing", async () => {
		const cwd = tempTree({
			...files,
			"my.eval.yaml": `${evalText}workspace:\n  template: ./template\n  hooks: { before_each: { command: ./setup.sh } }\n`,
			"template/a.txt": "a",
		});
		const { stdout, exitCode } = await agentv(["eval", "my.eval.yaml", "--dry-run", "--repeat", "2"], { cwd });
		expect(exitCode).toBe(0);
		expect(stdout.replaceAll(cwd, "<cwd>").replace(/\d+ concurrently/, "<n> concurrently")).toMatchInlineSnapshot(`
			"Would run 2 tests in 4 attempts, <n> concurrently, as experiment default.

			my.eval.yaml against default (mock)
			  good: contains; 2 attempts; workspace 1
			  bad: exact; 2 attempts; workspace 1

			Workspace 1, shared: one test at a time
			  copies <cwd>/template
			  calls, before_each: ./setup.sh
			"
		`);
		expect(existsSync(join(cwd, ".agentv"))).toBe(false);
	});

	test("exits with 2 for wrong usage and runs nothing", async () => {
		const cwd = tempTree(files);
		const usage = async (...args: string[]) => (await agentv(["eval", "run", ...args], { cwd })).exitCode;
		expect(await usage()).toBe(2);
		expect(await usage("none.eval.yaml")).toBe(2);
		expect(await usage("my.eval.yaml", "--workers", "0")).toBe(2);
		expect(await usage("my.eval.yaml", "--workers", "-1")).toBe(2);
		expect(await usage("my.eval.yaml", "--target", "unknown")).toBe(2);
		expect(await usage("my.eval.yaml", "--resume")).toBe(2);
		expect(existsSync(join(cwd, ".agentv"))).toBe(false);
	});

	test("shows the location of an error in the eval", async () => {
		const cwd = tempTree({ ...files, "my.eval.yaml": evalText.replace("type: contains", "type: contians") });
		const { stderr, exitCode } = await agentv(["eval", "my.eval.yaml"], { cwd });
		expect(exitCode).toBe(2);
		expect(stderr).toMatch(/my\.eval\.yaml:5:\d+ {2}error {2}unknown assertion type "contians"/);
		expect(stderr).toContain('hint: did you mean "contains"?');
	});

	test("never lets an answer control the terminal", async () => {
		const cwd = tempTree({
			...files,
			"targets.yaml": 'targets:\n  - { name: default, provider: mock, response: "\\e[2J\\e]0;owned\\a" }\n',
		});
		const { stdout } = await agentv(["eval", "my.eval.yaml"], { cwd });
		expect(stdout).not.toContain("\u001b");
		expect(stdout).toContain("\\u001b[2J");
	});

	test("never lets a test's id control the terminal, with any reporter", async () => {
		const id = '"\\e[2J\\x9b2J\\r\\n::error::mine"';
		const cwd = tempTree({ ...files, "my.eval.yaml": evalText.replace("id: bad", `id: ${id}`) });
		for (const reporter of ["text", "json", "junit", "github"]) {
			const session = await agentv(["eval", "my.eval.yaml", "--no-color", "--reporter", reporter], {
				cwd,
				terminal: true,
			});
			// The live view's own sequences only move the cursor up and clear lines.
			const steers = session.stdout
				.split("\u001b")
				.slice(1)
				.filter((rest) => !/^\[(\d*[AGK]|\?25[hl])/.test(rest));
			expect({ reporter, steers, c1: session.stdout.includes("\u009b") }).toEqual({ reporter, steers: [], c1: false });
			expect(session.stdout).not.toContain("\n::error::mine");
		}
	});

	test("doesn't write results into the directory of a synced benchmark", async () => {
		const cwd = tempTree({
			...Object.fromEntries(Object.entries(files).map(([name, text]) => [`checkout/evals/${name}`, text])),
			".home/benchmarks.yaml":
				"benchmarks:\n  - id: sums\n    path: ../checkout\n    source: { url: https://example.com/sums.git }\n",
		});
		const checkout = gitRepository(join(cwd, "checkout"));
		checkout.git("add", "--all");
		checkout.git("commit", "--quiet", "--message", "first");
		const { stdout } = await agentv(["eval", "run", "--benchmark", "sums", "--json"], { cwd });
		const runDir = JSON.parse(stdout).run_dir;
		expect(runDir).toMatch(/\/\.home\/results\/sums\/default\//);
		const revision = checkout.git("rev-parse", "HEAD");
		expect(JSON.parse(readFileSync(join(runDir, "run.json"), "utf8"))).toMatchObject({
			benchmark: { id: "sums", revision },
			git: { commit: revision, branch: "main", dirty: false },
		});
		expect(existsSync(join(cwd, "checkout/.agentv"))).toBe(false);
		expect((await agentv(["results", "list"], { cwd })).stdout).toMatch(/^sums\/default\/\S+ +1\/2 passed/);
	});
});

describe("agentv results", () => {
	test("lists the newest runs first, and shows a run", async () => {
		const cwd = tempTree(files);
		expect((await agentv(["results", "list"], { cwd })).stdout).toContain("No runs yet");
		await agentv(["eval", "my.eval.yaml"], { cwd });
		await agentv(["eval", "my.eval.yaml", "--experiment", "second", "--test", "good"], { cwd });
		const list = await agentv(["results", "list"], { cwd });
		expect(steady(list.stdout)).toMatchInlineSnapshot(`
			"second/<time> 1/1 passed 1.00 my.eval.yaml · default
			default/<time> 1/2 passed 0.50 my.eval.yaml · default
			"
		`);
		const page = JSON.parse(
			(await agentv(["results", "list", "--json", "--limit", "1", "--offset", "1"], { cwd })).stdout,
		);
		expect(page).toMatchObject({ total: 2, runs: [{ experiment: "default", state: "finished", planned: 2 }] });
		const latest = await agentv(["results", "show"], { cwd });
		expect(latest.stdout).toContain("1 test: 1 passed, 0 failed");
		const named = await agentv(["results", "show", page.runs[0].id, "--json", "--test", "b*"], { cwd });
		expect(JSON.parse(named.stdout)).toMatchObject({
			results: [{ test_id: "bad", execution_status: "quality_failure" }],
		});
	});

	test("reports an unknown run", async () => {
		const cwd = tempTree(files);
		expect(await agentv(["results", "show", "default/2020"], { cwd })).toMatchObject({ exitCode: 2 });
		expect(await agentv(["results", "show"], { cwd })).toMatchObject({ exitCode: 2 });
	});
});
