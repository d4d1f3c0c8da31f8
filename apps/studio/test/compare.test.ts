import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { expect, test } from "vitest";
import { inspect } from "./testing/inspect.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();

/**
 * Returns an eval of 30 questions. `graders` overrides the expected text, `dropped` omits
 * questions.
 */
function evalText({ graders = {}, dropped = [] }: { graders?: Record<number, string>; dropped?: number[] }): string {
	const tests = Array.from({ length: 30 }, (_, index) => index)
		.filter((index) => !dropped.includes(index))
		.map(
			(index) =>
				`  - id: ${ids[index]}\n    input: "Question ${index}: does it hold?"\n    assertions: [{type: contains, value: ${graders[index] ?? "yes"}}]\n`,
		);
	return `name: holds\ntarget: said\ntests:\n${tests.join("")}`;
}

const ids = Array.from({ length: 30 }, (_, index) =>
	index % 7 === 0 ? `a-refund-that-was-asked-for-after-the-order-had-been-cancelled-${index}` : `case-${index}`,
);

/**
 * Answers yes, except to the questions listed in `MOOD`, so that answers can change without the
 * program.
 */
const program = `import { readFileSync } from "node:fs";
const no = JSON.parse(readFileSync(process.env.MOOD, "utf8"));
const index = Number(/Question (\\d+)/.exec(process.argv[2])[1]);
console.log(no.includes(index) ? "# Answer\\n\\nI am **not** sure about question " + index + "." : "# Answer\\n\\nI checked it: **yes**, question " + index + " holds.");
`;

/**
 * Starts Studio with three runs of one eval: a first one, a worse one with two changed graders, and
 * a better one.
 */
async function threeRuns() {
	const mood = join(tempTree(), "mood.json");
	const studio = await openStudio({
		env: { MOOD: mood },
		files: {
			"holds.eval.yaml": evalText({}),
			"targets.yaml": "targets:\n  - name: said\n    provider: cli\n    command: [node, ./answer.mjs, '{PROMPT}']\n",
			"answer.mjs": program,
		},
	});
	const run = async (experiment: string, no: readonly number[], text: string, ...more: string[]) => {
		writeFileSync(join(studio.cwd, "holds.eval.yaml"), text);
		writeFileSync(mood, JSON.stringify(no));
		// Some tests are meant to fail.
		await studio.agentv("eval", "run", "holds.eval.yaml", "--experiment", experiment, ...more).catch((error) => {
			if (error.code !== 1) throw error;
		});
	};
	await run("first", [3, 4], evalText({}));
	const changed = evalText({ graders: { 1: "indeed", 2: "indeed" }, dropped: [29] });
	await run("shorter-prompt", [5, 6, 7, 8, 9, 10, 11, 12, 13, 14], changed);
	await run("longer-prompt", [3], evalText({}), "--repeat", "2");
	const { runs } = JSON.parse(await studio.agentv("results", "list", "--json"));
	const idOf = (experiment: string): string =>
		runs.find((one: { experiment: string }) => one.experiment === experiment).id.replaceAll("/", "~");
	return { studio, ids: ["first", "shorter-prompt", "longer-prompt"].map(idOf) };
}

test("a link compares runs: by kind of change, by test, and with the answers side by side", async () => {
	const { studio, ids: runs } = await threeRuns();
	const page = await browser.page();
	const table = page.getByRole("table", { name: "Compared tests" });
	const open = (search: string) => page.goto(studio.link(`compare?runs=${search}`));

	await open(runs.slice(0, 2).join(","));
	await page.getByText("Worse", { exact: true }).waitFor();
	await page.getByText("10 down", { exact: true }).waitFor();
	// The largest change comes first.
	await expect(table.getByRole("row").nth(1).textContent()).resolves.toMatch(/[−+]1$/);
	await inspect(page, "compare-two");

	await page.getByRole("link", { name: /^Changed/ }).click();
	await table.getByText("graders changed").first().waitFor();
	await expect(table.getByRole("row").count()).resolves.toBe(3);
	await inspect(page, "compare-changed");
	await page.getByRole("link", { name: /^Gone/ }).click();
	await table.getByText("case-29").waitFor();
	await page.getByRole("link", { name: /^New/ }).click();
	await page.getByText("The later run has no tests that the earlier run lacks.").waitFor();

	await page.getByRole("link", { name: /^Comparable/ }).click();
	await table.getByRole("button", { name: "Difference" }).click();
	await expect.poll(() => page.url()).toContain("sort=delta");
	const dialog = page.getByRole("dialog");
	// Sorting replaces rows, so a click may be lost.
	await expect
		.poll(async () => {
			if (!(await dialog.isVisible())) await table.getByRole("link", { name: /^case-5:/ }).click();
			return dialog.isVisible();
		})
		.toBe(true);
	await dialog.getByRole("region", { name: "Before" }).getByText("I checked it: yes, question 5 holds.").waitFor();
	await dialog.getByRole("region", { name: "After" }).getByText("I am not sure about question 5.").waitFor();
	await inspect(page, "compare-side-by-side");
	// The URL contains the open test.
	const link = page.url();
	await page.goto("about:blank");
	await page.goto(link);
	await page.getByRole("dialog").getByText("I am not sure about question 5.").waitFor();
	await page.keyboard.press("Escape");
	await dialog.waitFor({ state: "detached" });

	await page.getByRole("button", { name: "Swap" }).click();
	await page.getByText("Better", { exact: true }).waitFor();

	await open(runs.join(","));
	const second = page.getByRole("region", { name: "After 2" });
	await second.getByText("No difference shown", { exact: true }).waitFor();
	await inspect(page, "compare-three");
	await second.getByRole("button", { name: "Show its tests" }).click();
	await table.getByRole("link", { name: /^case-4:/ }).click();
	// Each attempt of a repeated test can be selected.
	await page.getByRole("dialog").getByLabel("Attempt").selectOption("1");
	await page.getByRole("region", { name: "After" }).getByText("I checked it: yes, question 4 holds.").waitFor();
}, 240_000);
