import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { inspect } from "./testing/inspect.ts";
import { type OpenStudio, openStudio } from "./testing/open-studio.ts";
import { showcase } from "./testing/showcase.ts";

const browser = testBrowser();
/**
 * Starts Studio with a synced benchmark, a local one, an invalid entry, evals with findings, and
 * runs.
 */
async function fullStudio(): Promise<OpenStudio> {
	const bare = gitRepository(join(tempTree(), "evals"), showcase).pushTo(join(tempTree(), "support-evals.git"));
	const studio = await openStudio({ files: showcase });
	await studio.agentv("benchmark", "add", `file://${bare}`, "--name", "Support evals");
	await studio.agentv("benchmark", "add", "evals", "--id", "drafts");
	await studio.agentv("benchmark", "sync");
	const run = ["eval", "run", "evals/refunds.eval.yaml", "--allow-outside", "/etc/hostname"];
	for (const more of [[], ["--experiment", "shorter-prompt"]])
		await expect(studio.agentv(...run, ...more)).rejects.toMatchObject({ code: 4 });
	return studio;
}

describe("every screen", () => {
	test("is readable in light and dark mode, at 375 and 1440 pixels, and accessible", async () => {
		const studio = await fullStudio();
		const page = await browser.page();
		const open = async (path: string, name: string, ready: string | RegExp) => {
			await page.goto(studio.link(path));
			await page.getByText(ready).first().waitFor();
			await inspect(page, name);
		};
		await open("/", "benchmarks", "Local");
		await page.getByRole("button", { name: "Add benchmark" }).click();
		await inspect(page, "add-benchmark");
		await open("/benchmarks/support-evals", "benchmark", /^\d+ errors?$/);
		await open("/here", "here", /^\d+ errors?$/);
		await page.getByRole("link", { name: /refunds.eval.yaml/ }).click();
		await page.getByRole("heading", { name: "Findings" }).waitFor();
		await inspect(page, "eval");
		for (const [button, name, ready] of [
			[/^Fix/, "fix", "Preview of the fix"],
			["Bundle", "bundle", "Create bundle"],
			["Run", "run-dialog", "Commands executed on this machine"],
		] as const) {
			await page.getByRole("button", { name: button, exact: true }).click();
			await page.getByRole("dialog").getByText(ready).first().waitFor();
			await inspect(page, name);
			await page.keyboard.press("Escape");
		}
		await page.getByRole("link", { name: /^Tests/ }).click();
		await page.getByRole("table", { name: "Tests" }).waitFor();
		await inspect(page, "eval-tests");
		await page.getByRole("link", { name: /^Targets and workspace/ }).click();
		await page.getByText("Resolved targets").waitFor();
		await inspect(page, "eval-setup");
		await open("/runs", "runs", "Pass rate over time");
		await page
			.getByRole("row", { name: /refunds/ })
			.first()
			.getByRole("link")
			.click();
		await page.getByRole("table", { name: "Test results" }).waitFor();
		await inspect(page, "run");
		await page.getByRole("link", { name: /^half-price/ }).click();
		await page.getByText("Assertions").first().waitFor();
		await inspect(page, "test-result");
		await page.goto(studio.link("runs"));
		const boxes = page.getByRole("checkbox", { name: /^Compare run/ });
		await boxes.first().check();
		await page.getByText("1 run selected").waitFor();
		await boxes.nth(1).check();
		await page.getByText("2 runs selected").waitFor();
		await page.getByRole("link", { name: "Compare", exact: true }).click();
		await page.getByRole("table", { name: "Compared tests" }).waitFor();
		await inspect(page, "compare");
		await page.getByRole("link", { name: /^half-price/ }).click();
		await page.getByRole("dialog").getByText("Refund for order 1234").nth(1).waitFor();
		await inspect(page, "compare-answers");
		await open("/nowhere", "nothing-here", "Page not found");
	}, 240_000);

	test("shows the next step if it is empty", async () => {
		const studio = await openStudio();
		const page = await browser.page();
		await page.goto(studio.link());
		await page.getByText("No benchmarks yet").waitFor();
		await inspect(page, "no-benchmarks");
		await page.getByRole("link", { name: "Runs", exact: true }).click();
		await page.getByText("No runs yet").waitFor();
		await inspect(page, "no-runs");
	});

	test("shows a failure with a button to retry", async () => {
		const studio = await openStudio();
		const page = await browser.page({ ignoreHTTPSErrors: true });
		await page.goto(studio.link());
		await page.getByText("No benchmarks yet").waitFor();
		await page.evaluate("window.fetch = () => Promise.reject(new TypeError('offline'))");
		await page.getByRole("link", { name: "Runs", exact: true }).click();
		await page.getByText("Studio is not responding").waitFor();
		await page.getByRole("button", { name: "Try again" }).waitFor();
		await inspect(page, "no-answer");
	});
});
