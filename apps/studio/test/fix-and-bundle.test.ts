import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { smallEval } from "./testing/evals.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();

describe("an eval in the browser", () => {
	test("shows findings at their lines, and fixes them after showing the diff", async () => {
		const cwd = tempTree({ ...smallEval("sums", ["one"]), "prompt.md": "What is one?" });
		const file = join(cwd, "sums.eval.yaml");
		const written = readFileSync(file, "utf8").replace("    input:", `    input_files: [${cwd}/prompt.md]\n    input:`);
		writeFileSync(file, written);
		const studio = await openStudio({ cwd });
		const page = await browser.page();
		await page.goto(studio.link("here"));
		await page.getByText("1 error").waitFor();
		await page.getByRole("link", { name: "sums.eval.yaml" }).click();

		const source = page.getByRole("region", { name: "Source" });
		await source.getByText("Error:").waitFor();
		await page.getByText("Why it matters and how to fix it").first().click();
		await page
			.getByRole("link", { name: /^Line \d+/ })
			.first()
			.click();
		expect(page.url()).toMatch(/line=\d+/);

		await page.getByRole("button", { name: /^Fix/ }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText(`input_files: [${cwd}/prompt.md]`).waitFor();
		await dialog.getByText("input_files: [./prompt.md]").or(dialog.getByText("input_files: [prompt.md]")).waitFor();
		expect(readFileSync(file, "utf8"), "nothing is written before it is confirmed").toBe(written);
		await dialog.getByRole("button", { name: "Write 1 file" }).click();
		await dialog.getByRole("status").getByText(/fixed/).waitFor();
		expect(readFileSync(file, "utf8")).toMatch(/input_files: \[(\.\/)?prompt\.md\]/);
		await dialog.getByRole("button", { name: "Close" }).last().click();
		await source.getByText("Error:").waitFor({ state: "detached" });
	});

	test("can be bundled and downloaded, and the download passes verification", async () => {
		const studio = await openStudio({ files: smallEval("sums", ["one", "two"]) });
		const page = await browser.page();
		await page.goto(studio.link("here"));
		await page.getByRole("link", { name: "sums.eval.yaml" }).click();
		await page.getByRole("button", { name: "Bundle" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("button", { name: "Create bundle" }).click();
		await dialog.getByText(/^Bundled:/).waitFor();
		const directory = await dialog.getByText("Directory").locator("xpath=following-sibling::dd").textContent();
		expect(await studio.agentv("bundle", "verify", directory ?? "")).toBeDefined();

		const [download] = await Promise.all([
			page.waitForEvent("download"),
			dialog.getByRole("link", { name: "Download .tar.gz" }).click(),
		]);
		const there = tempTree();
		await download.saveAs(join(there, "bundle.tgz"));
		execFileSync("tar", ["-xzf", "bundle.tgz"], { cwd: there });
		const names = execFileSync("tar", ["-tzf", "bundle.tgz"], { cwd: there, encoding: "utf8" }).split("\n");
		const root = join(there, names.find((name) => name.endsWith("manifest.json"))?.replace("manifest.json", "") ?? "");
		expect(existsSync(join(root, "manifest.json"))).toBe(true);
		await studio.agentv("bundle", "verify", root);
	});
});
