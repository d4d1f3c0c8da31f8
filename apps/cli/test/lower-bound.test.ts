import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentv, writeTree } from "@agentv/test-support";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * Eight tests. The agent fails `FAILS` of them; if `CHEATS` is set, it exits with an error instead.
 */
const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
const files = {
	"my.eval.yaml": `name: tricks\ntarget: agent\nassertions: [{type: contains, value: "yes"}]\ntests:\n${ids.map((id) => `  - {id: ${id}, input: ${id}}\n`).join("")}`,
	"targets.yaml": 'targets: [{name: agent, provider: cli, command: [node, ./agent.mjs, "{PROMPT}"]}]\n',
	"agent.mjs": `const fails = "cdefgh".slice(0, Number(process.env.FAILS)).includes(process.argv[2]);
if (fails && process.env.CHEATS) process.exit(1);
console.log(fails ? "no" : "yes");
`,
};

let cwd: string;
const run = (output: string, env: Record<string, string>) =>
	agentv(["eval", "run", "my.eval.yaml", "--output", output, "--workers", "2"], { cwd, env });
const read = async (...args: string[]) => (await agentv(args, { cwd })).stdout;

beforeAll(async () => {
	cwd = mkdtempSync(join(tmpdir(), "agentv-test-"));
	writeTree(cwd, files);
	await run("passes", { FAILS: "0" });
	await run("fails", { FAILS: "6" });
	expect((await run("cheats", { FAILS: "6", CHEATS: "1" })).exitCode).toBe(4);
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const bounded = "1.00 (2 of 8, at least 0.25)";

describe("a run whose agent exits with an error in every test that it would fail", () => {
	test("shows the number of tests in its mean, and the lower bound", async () => {
		const shown = await read("results", "show", "cheats");
		expect(shown).toContain(`8 tests: 2 passed, 0 failed, 6 not graded · mean score ${bounded} · `);
		expect(shown).toMatch(/^Target +Passed +Failed +Not graded +Mean score +Mean time +Cost$/m);
		expect(shown).toMatch(/^agent +2 +0 +6 +1\.00 \(2 of 8, at least 0\.25\) /m);
		expect(shown).toContain("(caused by the agent)");
		expect(await read("results", "list")).not.toContain("cheats");
	});

	test("includes the lower bound in every export", async () => {
		const markdown = await read("results", "export", "cheats", "--format", "markdown");
		expect(markdown).toContain(`mean score ${bounded}`);
		expect(markdown).toContain(`| agent | 2 | 0 | 6 | ${bounded} |`);
		expect(await read("results", "export", "cheats", "--format", "html")).toContain(
			'"mean_score":1,"mean_score_lower_bound":0.25,',
		);
		const junit = await read("results", "export", "cheats", "--format", "junit");
		for (const property of [
			'<property name="tests_judged" value="2 of 8"/>',
			'<property name="mean_score" value="1"/>',
			'<property name="mean_score_lower_bound" value="0.25"/>',
		])
			expect(junit).toContain(property);
		const { summary, results } = JSON.parse(await read("results", "export", "cheats", "--format", "json"));
		expect(summary).toMatchObject({ errors: 6, errors_by_agent: 6, mean_score: 1, mean_score_lower_bound: 0.25 });
		expect(results.find(({ test_id: id }: { test_id: string }) => id === "c").error.caused_by).toBe("agent");
		expect(JSON.parse(readFileSync(join(cwd, "cheats/summary.json"), "utf8"))).toEqual(summary);
	});

	test("fails a gate like honest failures do", async () => {
		const gate = ["--vary", "target", "--fail-on", "regression"];
		const honest = await agentv(["results", "compare", "passes", "fails", ...gate], { cwd });
		expect(honest.exitCode).toBe(1);
		expect(honest.stdout).not.toContain("With 0 for");
		const cheating = await agentv(["results", "compare", "passes", "cheats", ...gate], { cwd });
		expect(cheating.exitCode).toBe(1);
		expect(cheating.stdout.replace(/\s+/g, " ")).toContain(
			"Mean score 1.000 (2 of 8) → 1.000 (2 of 8, at least 0.250) over 2 comparable tests",
		);
		expect(cheating.stdout.replace(/\s+/g, " ")).toMatch(
			/Counting 0 for tests that the later run's agent kept from being graded: −0\.750 \(95 % interval −\d\.\d+ to −\d\.\d+\), worse\./,
		);
		const document = JSON.parse(await read("results", "compare", "passes", "cheats", "--vary", "target", "--json"));
		expect(document).toMatchObject({
			verdict: "no difference shown",
			difference: { tests: 2, mean: 0 },
			lower_bound: { tests: 8, before: 1, after: 0.25, mean: -0.75, verdict: "worse" },
		});
	});
});

test("a run whose tests were all graded shows only its mean", async () => {
	expect(await read("results", "show", "fails")).toContain("8 tests: 2 passed, 6 failed · mean score 0.25 · ");
	const list = await agentv(["eval", "run", "my.eval.yaml"], { cwd, env: { FAILS: "3", CHEATS: "1" } });
	expect(list.exitCode).toBe(4);
	expect(await read("results", "list")).toMatch(/ 5\/8 passed, 3 not graded +1\.00 \(5 of 8, at least 0\.62\) /);
});
