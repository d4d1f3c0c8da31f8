import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
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
	/** Console warnings and errors fail the test. */
	page(options?: BrowserContextOptions): Promise<Page>;
}

export function testBrowser(): TestBrowser {
	let browser: Browser | undefined;
	beforeAll(async () => {
		browser = await chromium.launch({ executablePath: browserPath(), args: flags });
	}, 600_000);
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

function browserPath(): string {
	const module = resolve(import.meta.dirname, "../../../scripts/browser.mjs");
	const script = `import { findBrowser } from ${JSON.stringify(module)}; console.log(await findBrowser());`;
	const look = () => execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
	process.env["AGENTV_TEST_BROWSER"] ??= look().trim().split("\n").at(-1) ?? "";
	return process.env["AGENTV_TEST_BROWSER"];
}

export async function expectAccessible(page: Page, name: string): Promise<void> {
	const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
	const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
	const words = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`);
	expect(words, name).toEqual([]);
}
