import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judgedPrograms } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { expect, test } from "vitest";
import { inspect } from "./testing/inspect.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();
const hostile = `</pre><img src=x onerror='document.title = "owned"'>`;

/** Tests that pass, fail, are not graded or are repeated, with model and program graders. */
const files = {
	"verdicts.eval.yaml": `name: verdicts
target: agent
workspace: { hooks: { before_each: { command: [node, ./hook.mjs] } } }
tests:
  - id: greets
    input: say hello
    assertions: [{ type: contains, value: hello }, { type: llm-grader, name: kind, prompt: "Is {{ output }} kind?" }]
  - id: broken-grader
    input: say hello
    assertions:
      - { type: contains, value: hello }
      - { type: code-grader, name: checks the tool, command: [node, ./broken.mjs] }
      - { type: llm-grader, name: strict, target: mumbler, prompt: "Is {{ output }} kind?" }
  - id: tried-thrice
    input: say bye
    repeat: { count: 3, strategy: pass_any }
    assertions: [{ type: contains, value: bye }]
`,
	...judgedPrograms(`thinking hard ${hostile}`),
	"hook.mjs": 'process.stdin.resume(); console.log("the shop is open");\n',
};

/**
 * Adds results of other kinds to a run: a veto, a refusal, a cached answer, and an error caused by
 * the agent.
 */
function embellish(run: string): void {
	const index = join(run, "index.jsonl");
	const rows = readFileSync(index, "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line));
	const [greets, broken] = rows;
	const more = {
		execution_status: "quality_failure",
		stop_reason: "refusal",
		cached: { cost_usd: 0.2, duration_ms: 1200 },
	};
	const record = join(run, greets.file);
	const file = JSON.parse(readFileSync(record, "utf8"));
	const vetoed = { ...file.scores[1], verdict: "fail", veto: true };
	writeFileSync(record, JSON.stringify({ ...file, ...more, scores: [file.scores[0], vetoed] }));
	const fault = { stage: "workspace", code: "removed", message: "the workspace is gone", caused_by: "agent" };
	const other = join(run, broken.file);
	writeFileSync(other, JSON.stringify({ ...JSON.parse(readFileSync(other, "utf8")), error: fault }));
	appendFileSync(index, `${JSON.stringify({ ...greets, ...more })}\n${JSON.stringify({ ...broken, error: fault })}\n`);
}

test("a run and its results show verdicts, ungraded tests with reasons, and costs", async () => {
	const studio = await openStudio({ files });
	const run = ".agentv/results/runs/default/2026-01-01T00-00-00Z";
	await expect(
		studio.agentv("eval", "run", "verdicts.eval.yaml", "--workers", "1", "--output", run),
	).rejects.toMatchObject({
		code: 4,
	});
	const page = await browser.page();
	await page.goto(studio.link("runs"));
	await page
		.getByRole("row", { name: /verdicts/ })
		.getByRole("link")
		.click();
	await page.getByRole("table", { name: "Test results" }).waitFor();
	const strip = await page.locator("dl").first().innerText();
	expect(strip).toMatch(/Not graded\s+1\b/);
	expect(strip).toMatch(/Target cost\s+\$1\.00\s+Judging cost\s+\$0\.0\d+\s+Total cost\s+\$1\.0\d/);
	for (const chip of ["All 3", "Passed 1", "Failed 1", "Not graded 1"])
		await page.getByRole("link", { name: chip, exact: true }).waitFor();
	await page.getByText("0 of 3 attempts passed").waitFor();
	await inspect(page, "run-verdicts");

	await page.getByRole("link", { name: /^tried-thrice/ }).click();
	await page.getByRole("link", { name: /^Attempt 3/ }).click();
	await page.getByText("at least one attempt must pass").waitFor();
	await page.getByText(/attempt 3 of 3/).waitFor();
	await inspect(page, "test-result-attempts");

	embellish(join(studio.cwd, run));
	await page.goBack();
	await page.goBack();
	await page.reload();
	await page.getByRole("link", { name: /^broken-grader/ }).click();
	await page.getByText("Not graded: workspace failed, caused by the agent").waitFor();
	await page.getByText("1 of 3 graders passed, 2 not graded").waitFor();
	await page.getByRole("heading", { name: "Duration of each stage" }).waitFor();
	await page.locator("summary", { hasText: "node ./broken.mjs" }).click();
	await page.getByText("fixture is missing").last().waitFor();
	await page.locator("summary", { hasText: "target" }).click();
	await page.getByText(`thinking hard ${hostile}`).waitFor();
	expect(await page.title()).not.toBe("owned");
	await inspect(page, "test-result-not-judged");

	await page.goBack();
	await page.getByRole("link", { name: /^greets/ }).click();
	await page.getByText("The grader vetoes the output, although its score would pass.").waitFor();
	await page.getByText("refusal").waitFor();
	await page.getByText("originally $0.20, 1.2 s").waitFor();
	await inspect(page, "test-result-veto");
}, 240_000);
