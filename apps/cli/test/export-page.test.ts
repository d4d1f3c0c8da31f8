import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { agentv } from "@agentv/test-support";
import { expectAccessible, testBrowser } from "@agentv/test-support/browser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventfulRun, hostile, secret } from "./testing/eventful-run.ts";

const browser = testBrowser();
const pictures = resolve(import.meta.dirname, "../../../test-artifacts/screens");
const cwd = mkdtempSync(join(tmpdir(), "agentv-page-"));
const file = join(cwd, "page.html");

beforeAll(async () => {
	await eventfulRun(cwd);
	const { exitCode } = await agentv(["results", "export", "out", "--format", "html", "--output", "page.html"], { cwd });
	expect(exitCode).toBe(0);
}, 60_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** The page as it is opened from disk; asking for anything else fails the test. */
async function opened(options: Parameters<typeof browser.page>[0] = {}) {
	const page = await browser.page({ ...options, offline: true });
	page.on("request", (request) => expect(request.url()).toBe(pathToFileURL(file).href));
	await page.goto(pathToFileURL(file).href);
	const tests = () => page.locator("button.test").allTextContents();
	return { page, tests };
}

describe("the exported page", () => {
	test("shows the sum of the run, and its tests, what did not pass first", async () => {
		const { page, tests } = await opened();
		expect(await page.locator("dl.tiles").innerText()).toMatch(/Passed\s+8\s+of 12\s+Failed\s+2\s+Not graded\s+2/);
		expect(await page.locator(".bar").getAttribute("aria-label")).toMatch(
			/^12 tests: 8 passed, 2 failed, 2 not graded/,
		);
		expect(await tests()).toEqual([
			...["hostile <b>|id`", "hostile <b>|id`", "unanswered", "unanswered"],
			...["greets", "tried-thrice", "long", "keeps-secrets", "greets", "tried-thrice", "long", "keeps-secrets"],
		]);
		await page.getByText("What was run").click();
		expect(await page.locator("dl.facts").innerText()).toMatch(/Eval\s+support.eval.yaml\s+Target\s+careful: replay/);
	});

	test("filters by status, text and target", async () => {
		const { page, tests } = await opened();
		await page.getByText("Failed 2").click();
		expect(await page.getByRole("status").innerText()).toBe("2 of 12 tests");
		await page.getByText("Not graded 2").click();
		expect(await tests()).toEqual(["unanswered", "unanswered"]);
		await page.getByText("All").first().click();
		await page.getByLabel("Search").fill("THRICE");
		expect(await tests()).toEqual(["tried-thrice", "tried-thrice"]);
		await page.getByLabel("Target").selectOption("quick");
		expect(await tests()).toEqual(["tried-thrice"]);
		await page.getByLabel("Search").fill("nothing is like this");
		expect(await page.getByText("No matching tests.").isVisible()).toBe(true);
	});

	test("sorts by any column, up and down", async () => {
		const { page, tests } = await opened();
		await page.getByLabel("Target").selectOption("careful");
		await page.getByRole("button", { name: "Test" }).click();
		const byName = ["greets", "hostile <b>|id`", "keeps-secrets", "long", "tried-thrice", "unanswered"];
		expect(await tests()).toEqual(byName);
		await page.getByRole("button", { name: "Test" }).click();
		expect(await tests()).toEqual(byName.toReversed());
		expect(await page.getByRole("columnheader", { name: "Test" }).getAttribute("aria-sort")).toBe("descending");
		await page.getByRole("button", { name: "Time" }).click();
		await page.getByRole("button", { name: "Time" }).click();
		expect((await tests())[0]).toBe("greets");
		await page.getByRole("button", { name: "Score" }).click();
		expect((await tests()).slice(0, 1)).toEqual(["hostile <b>|id`"]);
		expect((await tests()).at(-1), "what has no score comes last").toBe("unanswered");
	});

	test("opens the details of tests, all attempts of a repeated one, long answers cut", async () => {
		const { page } = await opened();
		const details = async (name: string) => {
			const button = page.getByRole("button", { name }).first();
			await button.click();
			expect(await button.getAttribute("aria-expanded")).toBe("true");
			return page.locator(`[id="${await button.getAttribute("aria-controls")}"]`);
		};
		const greets = await details("greets");
		expect(await greets.innerText()).toMatch(/equals\s+passed\s+weight 2\s+1\.00/);
		expect(await greets.locator("dl.facts").innerText()).toMatch(
			/Time\s+target 1\.5s[\s\S]*Target\s+\$0\.25, 25 tokens/,
		);
		expect(await greets.getByLabel("Input").innerText()).toBe("say <hello>");
		expect(await greets.getByLabel("Expected").innerText()).toBe("hello there");
		expect(await greets.getByLabel("Output").innerText()).toBe("hello there");
		const thrice = await details("tried-thrice");
		expect(await thrice.locator("h2", { hasText: "attempt" }).allInnerTexts()).toEqual([
			expect.stringMatching(/failed\s+attempt 1, score 0\.00/),
			expect.stringMatching(/passed\s+attempt 2, score 1\.00/),
			expect.stringMatching(/failed\s+attempt 3, score 0\.00/),
		]);
		expect(await (await details("long")).getByLabel("Output").innerText()).toMatch(
			/^all work[\s\S]*… of 105001 bytes$/,
		);
		expect(await (await details("unanswered")).getByLabel("Error").innerText()).toMatch(
			/^target\/not-recorded: no recorded answer/,
		);
		await page.getByRole("button", { name: "greets" }).first().click();
		expect(await greets.count()).toBe(0);
	});

	test("shows everything a model wrote as text, and contains no secret", async () => {
		const { page } = await opened();
		await page.getByRole("button", { name: "hostile" }).first().click();
		expect(
			await page
				.getByLabel("Output")
				.first()
				.evaluate((node) => node.textContent),
		).toBe(hostile.replace("\u0007", "␇").replace("\u001b", "␛").replace("\u202e", "\\u{202e}"));
		expect(await page.title()).toBe("support · AgentV");
		expect(await page.locator("img, script:not(#data):not(:last-of-type)").count()).toBe(0);
		const text = readFileSync(file, "utf8");
		expect(text).not.toContain(secret);
		expect(text).toContain("the token is ***");
		expect(text.match(/<\/script>/g)).toHaveLength(2);
	});

	test("is used by keyboard alone", async () => {
		const { page, tests } = await opened();
		await page.getByLabel("Search").focus();
		await page.keyboard.press("Tab");
		await page.keyboard.press("ArrowRight");
		await page.keyboard.press("ArrowRight");
		expect(await tests()).toEqual(["hostile <b>|id`", "hostile <b>|id`"]);
		for (let press = 0; press < 9 && !(await page.locator("button.test:focus").count()); press++)
			await page.keyboard.press("Tab");
		await page.keyboard.press("Enter");
		expect(await page.locator("tr.open").count()).toBe(1);
		await page.keyboard.press("Tab");
		expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe("Input");
	});

	test.each([
		["light", 1440],
		["dark", 1440],
		["light", 375],
		["dark", 375],
	] as const)("is readable in %s at %i pixels, and by assistive technology", async (colorScheme, width) => {
		const { page } = await opened({ colorScheme, viewport: { width, height: 900 } });
		await page.getByRole("button", { name: "hostile" }).first().click();
		await page.getByRole("button", { name: "tried-thrice" }).first().click();
		await page.getByText("What was run").click();
		mkdirSync(pictures, { recursive: true });
		await page.screenshot({ path: join(pictures, `export-${colorScheme}-${width}.png`), fullPage: true });
		await expectAccessible(page, `${colorScheme} ${width}`);
		const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
		expect(over, "pixels wider than the page").toBeLessThanOrEqual(0);
		const back = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
		const before = await back();
		await page.getByRole("button", { name: "Light or dark" }).click();
		expect(await back()).not.toBe(before);
	});
});
