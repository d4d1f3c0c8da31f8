import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";

const flags = [
	"--headless",
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

export interface TestBrowser {
	/** A page of its own whose console must stay clean: anything it complains of fails the test. */
	page(options?: BrowserContextOptions): Promise<Page>;
}

/** One browser for the tests of a file. */
export function testBrowser(): TestBrowser {
	let browser: Browser | undefined;
	beforeAll(async () => {
		browser = await chromium.launch({ executablePath: process.env["AGENTV_TEST_BROWSER"] ?? "", args: flags });
	});
	afterAll(() => browser?.close());
	return {
		page: async (options = {}) => {
			if (!browser) throw new Error("the browser is not started yet");
			const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
			const page = await context.newPage();
			page.setDefaultTimeout(15_000);
			const complaints: string[] = [];
			page.on("console", (message) => {
				if (["error", "warning"].includes(message.type())) complaints.push(message.text());
			});
			page.on("pageerror", (error) => complaints.push(error.message));
			onTestFinished(async () => {
				await context.close();
				expect(complaints, "what the browser's console said").toEqual([]);
			});
			return page;
		},
	};
}
