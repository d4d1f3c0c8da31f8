import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gitTestEnvironment, writeTree } from "@agentv/test-support";
import { expectAccessible, testBrowser } from "@agentv/test-support/browser";
import { eventfulFiles, hostile, secret } from "@agentv/test-support/eventful-run";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const browser = testBrowser();
const pictures = resolve(import.meta.dirname, "../../../test-artifacts/screens");
let file = "";

beforeAll(() => {
	const cwd = mkdtempSync(join(tmpdir(), "agentv-page-"));
	writeTree(cwd, eventfulFiles);
	const env = { ...gitTestEnvironment, HOME: cwd, AGENTV_HOME: join(cwd, ".home"), CI: "1" };
	const agentv = (...args: string[]) =>
		spawnSync(process.execPath, [process.env["AGENTV_TEST_STUDIO"] ?? "", ...args], { cwd, env }).status;
	expect(agentv("eval", "run", "support.eval.yaml", "--output", "out", "--workers", "1")).toBe(4);
	expect(agentv("results", "export", "out", "--format", "html", "--output", "page.html")).toBe(0);
	file = join(cwd, "page.html");
}, 60_000);
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }));

/** Opens the page from disk. Any other request fails the test. */
async function opened(options: Parameters<typeof browser.page>[0] = {}) {
	const page = await browser.page({ ...options, offline: true });
	const address = pathToFileURL(file).href;
	page.on("request", (request) => expect(request.url().replace(/#.*/, "")).toBe(address));
	await page.goto(address);
	const links = page.getByRole("row").getByRole("link");
	await links.first().waitFor();
	/** Expects the names of the listed tests. */
	const expectTests = (names: readonly string[]) =>
		expect.poll(() => page.getByRole("row").getByRole("link").locator(".mono").allTextContents()).toEqual(names);
	const open = async (name: string) => {
		await page.getByRole("link", { name }).first().click();
		await page.getByRole("heading", { name, level: 1 }).waitFor();
	};
	const back = () =>
		page.getByRole("navigation", { name: "Breadcrumb" }).getByRole("link", { name: "support" }).click();
	return { page, expectTests, open, back };
}

const hostileName = "hostile <b>|id`";
const inOrder = [
	...["unanswered", "unanswered", hostileName, hostileName],
	...["greets", "tried-thrice", "long", "keeps-secrets", "greets", "tried-thrice", "long", "keeps-secrets"],
];

describe("the exported page", () => {
	test("shows the summary and the tests of the run, with unsuccessful tests first", async () => {
		const { page, expectTests } = await opened();
		const figures = await page.locator("dl").first().innerText();
		expect(figures).toMatch(/Passed\s+8\s+Failed\s+2\s+Not graded\s+2\s+Mean score\s+0.8\s+10 of 12/);
		expect(await page.getByRole("img", { name: "8 passed, 2 failed, 2 not graded" }).count()).toBe(1);
		await expectTests(inOrder);
		await page.getByText("Provenance").click();
		expect(await page.getByText("replay").count()).toBeGreaterThan(0);
		expect(await page.locator("details").innerText()).toMatch(/support\.eval\.yaml[\s\S]*Target careful\s+replay/);
	});

	test("filters by status, text and target", async () => {
		const { page, expectTests } = await opened();
		const status = page.getByRole("navigation", { name: "Status" });
		await status.getByRole("link", { name: "Failed 2" }).click();
		await expectTests([hostileName, hostileName]);
		await status.getByRole("link", { name: "Not graded 2" }).click();
		await expectTests(["unanswered", "unanswered"]);
		await status.getByRole("link", { name: "All 12" }).click();
		await page.getByLabel("Search").fill("THRICE");
		await expectTests(["tried-thrice", "tried-thrice"]);
		await page.getByRole("combobox", { name: "Target" }).selectOption("quick");
		await expectTests(["tried-thrice"]);
		await page.getByLabel("Search").fill("nothing is like this");
		await page.getByText("No tests match").waitFor();
	});

	test("sorts by any column in both directions", async () => {
		const { page, expectTests } = await opened();
		await page.getByRole("combobox", { name: "Target" }).selectOption("careful");
		const header = (name: string) => page.getByRole("columnheader", { name });
		const byName = ["greets", hostileName, "keeps-secrets", "long", "tried-thrice", "unanswered"];
		await header("Test").getByRole("button").click();
		await expectTests(byName);
		await header("Test").getByRole("button").click();
		await expectTests(byName.toReversed());
		expect(await header("Test").getAttribute("aria-sort")).toBe("descending");
		const first = page.getByRole("row").nth(1);
		await header("Duration").getByRole("button").click();
		await header("Duration").getByRole("button").click();
		await expect.poll(() => first.innerText()).toContain("greets");
		await header("Score").getByRole("button").click();
		await expect.poll(() => first.innerText()).toContain(hostileName);
		// Tests without a score come last.
		await expect.poll(() => page.getByRole("row").last().innerText()).toContain("unanswered");
	});

	test("shows details of tests, all attempts of a repeated test, and truncated long answers", async () => {
		const { page, open, back } = await opened();
		const panel = (name: string) => page.getByRole("region", { name, exact: true });
		await open("greets");
		expect(await panel("Assertions").innerText()).toMatch(/equals\s+1\s+× 2/);
		expect(await panel("Details").innerText()).toMatch(
			/Duration\s+1\.5 s\s+Cost and tokens\s+\$0\.25, 20 tokens in, 5 out/,
		);
		expect(await panel("Input").innerText()).toMatch(/user[\s\S]*say <hello>/);
		expect(await panel("Expected").innerText()).toContain("hello there");
		expect(await panel("Output").innerText()).toContain("hello there");
		await page.getByRole("link", { name: "Next result" }).click();
		await page.getByRole("heading", { name: "tried-thrice", level: 1 }).waitFor();
		const attempts = page.getByRole("navigation", { name: "Attempts" }).getByRole("link");
		expect(await attempts.allInnerTexts()).toEqual([
			expect.stringMatching(/Attempt 1\s+Failed/),
			expect.stringMatching(/Attempt 2\s+Passed/),
			expect.stringMatching(/Attempt 3\s+Failed/),
		]);
		await attempts.nth(1).click();
		await page.getByText("score 1, threshold 0.8 · target careful · attempt 2 of 3").waitFor();
		await back();
		await open("long");
		expect(await panel("Output").innerText()).toMatch(/^Output[\s\S]*all work[\s\S]*… 97001 more characters/);
		await back();
		await open("unanswered");
		expect(await page.getByRole("note").innerText()).toMatch(/no recorded answer[\s\S]*target\/not-recorded/);
	});

	test("shows model output as plain text, and contains no secrets", async () => {
		const { page, open } = await opened();
		expect(await page.title()).toBe("support · AgentV");
		await open("hostile");
		await page.getByRole("button", { name: "Raw text of the output" }).click();
		expect(await page.getByRole("region", { name: "the output" }).textContent()).toBe(
			hostile.replace("\u0007", "␇").replace("\u001b", "␛").replace("\u202e", "\\u{202e}"),
		);
		expect(await page.locator("img, script:not(#data):not(:last-of-type)").count()).toBe(0);
		const text = readFileSync(file, "utf8");
		expect(text).not.toContain(secret);
		expect(text).toContain("the token is ***");
		expect(text.match(/<\/script>/g)).toHaveLength(2);
	});

	test("can be used with only the keyboard", async () => {
		const { page, expectTests } = await opened();
		const press = async (key: string, until: string) => {
			for (let times = 0; times < 20 && !(await page.locator(`${until}:focus`).count()); times++)
				await page.keyboard.press(key);
		};
		await page.getByLabel("Search").focus();
		await press("Tab", "a:has-text('Failed 2')");
		await page.keyboard.press("Enter");
		await expectTests([hostileName, hostileName]);
		await press("Tab", "[role=row] a");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: hostileName }).waitFor();
		await press("Tab", "[aria-label='Raw text of the output']");
		await page.keyboard.press("Enter");
		await press("Tab", "[aria-label='the output']");
		expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe("the output");
	});

	test.each([
		["light", 1440],
		["dark", 1440],
		["light", 375],
		["dark", 375],
	] as const)("is readable in %s mode at %i pixels, and accessible", async (colorScheme, width) => {
		const { page, open } = await opened({ colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
		mkdirSync(pictures, { recursive: true });
		const check = async (name: string) => {
			await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`), fullPage: true });
			await expectAccessible(page, `${name} ${colorScheme} ${width}`);
			const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
			expect(over, "pixels wider than the page").toBeLessThanOrEqual(0);
		};
		await page.getByText("Provenance").click();
		await check("export");
		const back = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
		const before = await back();
		await page.getByRole("button", { name: "Light or dark" }).click();
		expect(await back()).not.toBe(before);
		await page.getByRole("button", { name: "Light or dark" }).click();
		await open("tried-thrice");
		await check("export-test");
	});
});
