import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentv, judgedPrograms, tempTree, writeTree } from "@agentv/test-support";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { junitSuites } from "./testing/junit-suites.ts";

/** Text that would control a terminal if printed unescaped. */
const hostile = "\u001b[2J\u0007</script>";

const files = {
	"my.eval.yaml": `target: agent
tests:
  - id: right
    input: say hello
    assertions: [{ type: contains, value: hello }, { type: llm-grader, name: kind, prompt: "Is {{ output }} kind?" }]
  - id: unclear
    input: say hello
    assertions:
      - { type: contains, value: hello }
      - { type: code-grader, name: tool, command: [node, ./broken.mjs] }
      - { type: llm-grader, name: strict, target: mumbler, prompt: "Is {{ output }} kind?" }
  - id: tried
    input: say bye
    repeat: { count: 2, strategy: pass_all }
    assertions: [{ type: contains, value: bye }]
`,
	...judgedPrograms(`thinking hard ${hostile}`),
};

const cwd = mkdtempSync(join(tmpdir(), "agentv-show-"));
let ran = "";

beforeAll(async () => {
	writeTree(cwd, files);
	const { stdout, exitCode } = await agentv(["eval", "my.eval.yaml", "--output", "out", "--workers", "1"], { cwd });
	expect(exitCode).toBe(4);
	ran = stdout;
}, 60_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const show = async (...args: string[]) => (await agentv(["results", "show", "out", ...args], { cwd })).stdout;

describe("the cost of a run", () => {
	test("is shown for target and judging, and in total", async () => {
		const summary = JSON.parse(readFileSync(join(cwd, "out/summary.json"), "utf8"));
		expect(summary).toMatchObject({ planned: 3, passed: 1, failed: 1, errors: 1, cost_usd: expect.closeTo(0.8) });
		const judging = summary.grader_cost_usd;
		expect(judging, "a judgement that can't be read was paid for").toBeGreaterThan(0.05);
		const money = `$${(0.8 + judging).toFixed(2)} = target $0.80 + judging $${judging.toFixed(2)}`;
		const exported = async (format: string) =>
			(await agentv(["results", "export", "out", "--format", format], { cwd })).stdout.replaceAll("\\$", "$");
		for (const text of [ran, await show(), await exported("markdown")]) expect(text).toContain(money);
		const { run } = JSON.parse(/id="data">(.*?)<\/script>/s.exec(await exported("html"))?.[1] ?? "");
		expect(run.summary).toMatchObject({ cost_usd: summary.cost_usd, grader_cost_usd: judging });
		expect(ran).toMatch(/^Target {2}Passed {2}Failed {2}Not graded .*Judging$/m);
		expect(ran).toMatch(/ tokens = target 480 \+ judging \d+\n/);
		const [suite] = await junitSuites(await exported("junit"));
		expect(suite?.properties).toMatchObject({ target_cost_usd: "0.8", judging_cost_usd: String(judging) });
	});
});

describe("agentv results show", () => {
	test("lists tests with their attempts", async () => {
		const text = await show();
		expect(text).toMatch(/^✓ right \(agent\) {2}1\.00 /m);
		expect(text).toMatch(/^! unclear \(agent\) {2}not graded\n/m);
		expect(text).toMatch(/^✗ tried \(agent\) {2}0\.00 < 0\.80, 0 of 2 attempts passed /m);
		expect(text).toMatch(/^ {4}✗ tried \(agent, attempt 2\) {2}0\.00 < 0\.80\n/m);
		expect(text).toContain("\n3 tests: 1 passed, 1 failed, 1 not graded · ");
	});

	test("shows all details of an attempt with --test", async () => {
		const text = await show("--test", "unclear");
		expect(text).toMatch(/^! unclear \(agent\) {2}not graded\n/m);
		expect(text).toMatch(/^ {4}error\n {6}grader\/exit-code tool: .*exit/m);
		expect(text).toMatch(/^ {6}✓ contains contains 1\.00\n {10}✓ /m);
		expect(text).toMatch(/^ {6}! tool code-grader not graded\n {10}exit-code /m);
		expect(text).toMatch(/^ {6}! strict llm-grader not graded\n {10}bad-reply /m);
		expect(text).toMatch(/^ {4}time {8}target \S+, .*grade .*judge /m);
		expect(text).toMatch(/^ {4}target {6}\$0\.20, 120 tokens \(100 in, 20 out\)$/m);
		expect(text).toMatch(/^ {4}judging {5}\$0\.0\d, \d+ tokens \(/m);
		expect(text).toMatch(/^ {4}log of target: .*\n {6}thinking hard ␛\[2J␇<\/script>$/m);
		expect(text).toMatch(/^ {4}log of grade: node \.\/broken\.mjs\n {6}fixture is missing$/m);
		expect(text).toMatch(/^ {4}output\n {6}hello there$/m);
		expect(text).toMatch(/^ {4}record: tests\/\S+\.json$/m);
		for (const character of ["\u0007", "\u001b"]) expect(text).not.toContain(character);
		const both = await show("--test", "tried");
		expect(both).toMatch(/^✗ tried \(agent\) .* 2 of 2 attempts, combined by pass_all\n/m);
		expect(both.match(/^ {4}output$/gm)).toHaveLength(2);
	});

	test("shows the row's details if the attempt's file is missing", async () => {
		const copy = tempTree();
		const read = (name: string) => readFileSync(join(cwd, "out", name), "utf8");
		for (const name of ["run.json", "index.jsonl", "summary.json"]) writeFileSync(join(copy, name), read(name));
		const { stdout, exitCode } = await agentv(["results", "show", copy, "--test", "right"], { cwd });
		expect(exitCode).toBe(0);
		expect(stdout).toContain("the attempt's file can't be read");
		expect(stdout).toContain("✓ kind llm-grader 1.00");
		rmSync(join(copy, "summary.json"));
		const rows = read("index.jsonl").split("\n").slice(0, 2).join("\n");
		writeFileSync(join(copy, "index.jsonl"), `${rows}\n`);
		const unfinished = await agentv(["results", "show", copy], { cwd });
		expect(unfinished.stdout).toMatch(
			/\n3 tests: 1 passed, 0 failed, 1 not graded, 1 not run · mean score 1\.00 \(1 of 3\) · /,
		);
		expect(unfinished.stdout).toMatch(/^– tried \(agent\) {2}not run: 0 of 2 attempts were made$/m);
		expect(unfinished.stdout).toContain("Not finished: 1 of 3 tests not run. Resume with: agentv eval run --resume");
	});

	test("names the run that a regrade or rerun is based on", async () => {
		const { run_id: id } = JSON.parse(readFileSync(join(cwd, "out/run.json"), "utf8"));
		await agentv(["results", "regrade", "out", "--grader", "kind", "--output", "again"], { cwd });
		await agentv(["eval", "run", "--rerun-failed", "out", "--output", "rerun"], { cwd });
		const again = (await agentv(["results", "show", "again"], { cwd })).stdout;
		expect(again).toMatch(new RegExp(`^Grades the answers of run ${id} .*again by kind; `, "m"));
		const rerun = (await agentv(["results", "show", "rerun"], { cwd })).stdout;
		expect(rerun).toMatch(new RegExp(`^Reruns the tests that did not pass in run ${id} `, "m"));
		const markdown = (await agentv(["results", "export", "rerun", "--format", "markdown"], { cwd })).stdout;
		expect(markdown).toContain("Reruns the tests that did not pass in run ");
	});
});

describe("the budget of a shard", () => {
	test("is shown in a dry run and at the start of the run", async () => {
		const args = ["eval", "my.eval.yaml", "--budget-usd", "9", "--shard", "1/2"];
		const dry = await agentv([...args, "--dry-run"], { cwd });
		const said = /^Budget of this shard: \$(\S+), its share \((\d) of 3 tests\) of \$9\.00\.$/m.exec(dry.stdout);
		expect(Number(said?.[1])).toBe(3 * Number(said?.[2]));
		const json = JSON.parse((await agentv([...args, "--dry-run", "--json"], { cwd })).stdout);
		expect(json.shard.budgets).toEqual([
			{ usd: Number(said?.[1]), whole_usd: 9, tests: Number(said?.[2]), whole_tests: 3 },
		]);
		const real = await agentv([...args, "--output", "shard"], { cwd });
		expect(real.stdout).toContain(said?.[0]);
		const github = await agentv([...args, "--reporter", "github", "--output", "shard-github"], { cwd });
		expect(github.stdout).toContain(`::notice::${said?.[0]}`);
	});
});
