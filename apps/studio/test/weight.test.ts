import { gzipSync } from "node:zlib";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();
const mostBytes = 180_000;

describe("the first screen", () => {
	test("loads at most 180 KB of compressed JavaScript and CSS, all from Studio's own server", async () => {
		const studio = await openStudio();
		const page = await browser.page();
		const foreign: string[] = [];
		const sizes = new Map<string, Promise<number>>();
		page.on("response", (response) => {
			const url = new URL(response.url());
			if (url.origin !== new URL(studio.url).origin) foreign.push(response.url());
			if (/\.(js|css)$/.test(url.pathname))
				sizes.set(
					url.pathname,
					response.body().then((body) => gzipSync(body).length),
				);
		});
		await page.goto(studio.link());
		await page.getByText("No benchmarks yet").waitFor();
		await page.waitForLoadState("networkidle");
		const total = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0);
		expect(foreign).toEqual([]);
		expect(total, `bytes of ${[...sizes.keys()].join(", ")}`).toBeLessThanOrEqual(mostBytes);
		expect(total).toBeGreaterThan(50_000);
	});
});
