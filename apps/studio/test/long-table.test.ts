import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree, writeTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { smallEval } from "./testing/evals.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();
const rows = 10_000;

/** Starts Studio with a run whose only row is copied under 10,000 names. */
async function longRun() {
	const cwd = tempTree(smallEval("sums", ["one"]));
	const studio = await openStudio({ cwd });
	await studio.agentv("eval", "run", "sums.eval.yaml", "--output", ".agentv/results/runs/long/2026-01-01T00-00-00Z");
	const run = join(cwd, ".agentv/results/runs/long/2026-01-01T00-00-00Z");
	const row = JSON.parse(readFileSync(join(run, "index.jsonl"), "utf8").trim());
	const lines = Array.from({ length: rows }, (_, index) => JSON.stringify({ ...row, test_id: `test-${index}` }));
	writeTree(run, { "index.jsonl": `${lines.join("\n")}\n` });
	return studio;
}

describe("a table of 10,000 rows", () => {
	test("renders only a few of them, and scrolls without long tasks", async () => {
		const studio = await longRun();
		const page = await browser.page();
		await page.goto(studio.link("runs"));
		await page.getByRole("row", { name: /sums/ }).getByRole("link").click();
		await page.getByRole("link", { name: "test-0", exact: true }).waitFor();
		const table = page.getByRole("table", { name: "Test results" });
		await expect(table.getAttribute("aria-rowcount")).resolves.toBe(String(rows + 1));

		// CPU time of the page's thread, which other load of the machine does not stretch.
		const session = await page.context().newCDPSession(page);
		await session.send("Performance.enable", { timeDomain: "threadTicks" });
		const busy = async () => {
			const { metrics } = await session.send("Performance.getMetrics");
			return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
		};
		let most = 0;
		let longest = 0;
		for (let step = 0; step < 40; step++) {
			const before = await busy();
			await page.mouse.wheel(0, step < 30 ? 900 : 30_000);
			longest = Math.max(longest, (await busy()) - before);
			most = Math.max(most, await table.getByRole("row").count());
		}
		// The browser may still animate the last turns of the wheel, which would scroll back.
		const last = page.getByRole("link", { name: `test-${rows - 1}`, exact: true });
		const scrollDown = async () => {
			await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)");
			return last.isVisible();
		};
		await expect.poll(scrollDown, { timeout: 15_000, interval: 200 }).toBe(true);
		expect(most).toBeLessThanOrEqual(200);
		expect(longest, "ms of work for one turn of the wheel").toBeLessThanOrEqual(100);
	});
});
