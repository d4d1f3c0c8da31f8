import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { git, gitHttpServer, gitRepository, tempTree, writeTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { below, smallEval } from "./testing/evals.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();

/** Collects the labels and values of all progress bars, even if they are only shown briefly. */
const watchProgress = `
	window.seenProgress = new Set();
	new MutationObserver(() => {
		for (const bar of document.querySelectorAll('[role="progressbar"]'))
			window.seenProgress.add(bar.getAttribute("aria-label") + " " + (bar.getAttribute("aria-valuenow") ?? "?"));
	}).observe(document, { subtree: true, childList: true, attributes: true });
`;

/** Creates a repository of evals and a slow server for it. */
async function remoteBenchmark(pieceDelayMs: number) {
	const served = tempTree();
	const files = { ...below("evals", smallEval("sums", ["one", "two"])), "README.md": "Evals" };
	const repository = gitRepository(join(tempTree(), "evals"), files);
	const push = () => repository.pushTo(join(served, "team.git"));
	push();
	const server = await gitHttpServer(served, { pieceDelayMs });
	return { repository, push, server, url: `${server.url}/team.git` };
}

describe("a benchmark in the browser", () => {
	test("can be added, synced with progress, checked for updates, previewed, and synced again", async () => {
		const remote = await remoteBenchmark(10);
		const studio = await openStudio();
		const page = await browser.page();
		await page.addInitScript(watchProgress);
		await page.goto(studio.link());

		await page.getByText("There are three ways to add one").waitFor();
		await page.getByRole("button", { name: "Add benchmark" }).first().click();
		await page.getByLabel(/Directory or git URL/).fill(remote.url);
		await page.getByRole("button", { name: "Add and sync" }).click();

		const row = page.getByRole("listitem", { name: "team" });
		await row.getByRole("status").getByText("Synced").waitFor();
		expect(await page.evaluate("window.seenProgress.size"), "phases that were seen").toBeGreaterThan(0);
		await row.getByText("1 eval").waitFor();
		await row.getByText("Clean").waitFor();

		remote.repository.commit(below("evals", smallEval("sums", ["one", "two", "three"])), "Ask for three");
		remote.push();
		await row.getByRole("button", { name: "Check status of team" }).click();
		await row.getByText("Behind", { exact: true }).waitFor();

		await row.getByRole("button", { name: "Preview sync of team" }).click();
		const preview = page.getByRole("dialog");
		await preview.getByText("1 commit", { exact: true }).waitFor();
		await preview.getByText("evals/sums.eval.yaml").first().waitFor();
		await preview.getByText(/three/).first().waitFor();
		await preview.getByRole("button", { name: "Sync now" }).click();
		await row.getByRole("status").getByText("Synced").waitFor();
		await row.getByText("Behind", { exact: true }).waitFor({ state: "detached" });
		expect(git(join(studio.home, "benchmarks/team"), "log", "-1", "--format=%s")).toBe("Ask for three");

		const data = Array.from({ length: 500 }, (_, index) => [`data/${index}.bin`, randomBytes(12_000)] as const);
		remote.repository.commit(Object.fromEntries(data), "Data");
		remote.push();
		await row.getByRole("button", { name: "Sync team" }).click();
		await row.getByRole("status").getByText("500 files").waitFor();
		const seen = (await page.evaluate("[...window.seenProgress]")) as string[];
		const received = seen.flatMap((line) => /^Receiving objects (\d+)$/.exec(line)?.[1] ?? []);
		expect(new Set(received).size, "different percents that were seen").toBeGreaterThan(3);
	});

	test("whose clone has local commits is not synced, and the page shows why", async () => {
		const remote = await remoteBenchmark(0);
		const studio = await openStudio();
		await studio.agentv("benchmark", "add", remote.url);
		await studio.agentv("benchmark", "sync");
		const clone = join(studio.home, "benchmarks/team");
		writeTree(clone, { "evals/mine.md": "mine" });
		git(clone, "add", "--all");
		git(clone, "commit", "--quiet", "--message", "mine");
		remote.repository.commit({ "README.md": "theirs" }, "theirs");
		remote.push();

		const page = await browser.page();
		await page.goto(studio.link());
		const row = page.getByRole("listitem", { name: "team" });
		await row.getByRole("button", { name: "Sync team" }).click();
		const refusal = row.getByText("Sync refused: nothing was changed");
		await refusal.waitFor();
		await expect(row.getByRole("status").textContent()).resolves.toMatch(/commit/);
		expect(git(clone, "log", "-1", "--format=%s")).toBe("mine");
		await row.getByText("Diverged", { exact: true }).waitFor();
	});

	test("that is a directory has no Sync button, and can be removed from the registry", async () => {
		const studio = await openStudio({ files: below("evals", smallEval("sums", ["one"])) });
		await studio.agentv("benchmark", "add", "evals");
		const page = await browser.page();
		await page.goto(studio.link());
		const row = page.getByRole("listitem", { name: "evals" });
		await row.getByText("Local", { exact: true }).waitFor();
		await expect(row.getByRole("button", { name: /^Sync/ }).count()).resolves.toBe(0);
		await row.getByRole("button", { name: "Remove evals" }).click();
		await page.getByRole("button", { name: "Remove from registry" }).click();
		await page.getByText("No benchmarks yet").waitFor();
		expect(await studio.agentv("benchmark", "list", "--json")).toContain('"benchmarks": []');
	});

	test("of a read-only Studio has no buttons", async () => {
		const studio = await openStudio({ files: below("evals", smallEval("sums", ["one"])), args: ["--read-only"] });
		await studio.agentv("benchmark", "add", "evals");
		const page = await browser.page();
		await page.goto(studio.link());
		await page.getByText("read-only").waitFor();
		await page.getByRole("listitem", { name: "evals" }).getByText("Local", { exact: true }).waitFor();
		await expect(page.getByRole("button").allInnerTexts()).resolves.toEqual([]);
	});
});
