import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { expectAccessible } from "@agentv/test-support/browser";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const pictures = resolve(import.meta.dirname, "../../../../test-artifacts/screens");
const widths = [
	[1440, 900],
	[375, 812],
] as const;

/**
 * Takes screenshots in light and dark, wide and narrow, and expects no overflow and no serious axe
 * violations.
 */
export async function inspect(page: Page, name: string): Promise<void> {
	mkdirSync(pictures, { recursive: true });
	await page.mouse.move(0, 0);
	for (const [width, height] of widths) {
		await page.setViewportSize({ width, height });
		for (const colorScheme of ["light", "dark"] as const) {
			await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
			await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor({ state: "attached" });
			await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`) });
			if ((colorScheme === "light") === (width === 1440))
				await expectAccessible(page, `${name} ${colorScheme} ${width}`);
		}
		const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
		expect(over, `${name} at ${width}: pixels wider than the page`).toBeLessThanOrEqual(0);
	}
	await page.setViewportSize({ width: 1440, height: 900 });
	await page.emulateMedia({ colorScheme: "light" });
}
