import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { canInstall, install as installPackages } from "./apt.mjs";
import { findOnPath, isExecutable } from "./executable.mjs";
import { tool } from "./run.mjs";

const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome"];
const places = [
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

function installed() {
	return findOnPath(names) ?? places.find(isExecutable);
}

/** Finds a browser that Playwright has downloaded for any project. */
function downloaded() {
	const caches = [
		process.env.PLAYWRIGHT_BROWSERS_PATH,
		join(homedir(), ".cache/ms-playwright"),
		join(homedir(), "Library/Caches/ms-playwright"),
	];
	for (const cache of caches.filter((path) => path && existsSync(path))) {
		const files = readdirSync(cache, { recursive: true }).filter((file) =>
			/(^|[\\/])(chrome|chrome-headless-shell|Chromium)(\.exe)?$/.test(file),
		);
		const browser = files
			.map((file) => join(cache, file))
			.find((file) => !file.includes("Helper") && isExecutable(file));
		if (browser) return browser;
	}
	return undefined;
}

async function install() {
	if (canInstall) {
		await installPackages(["chromium"]);
		return installed();
	}
	console.log("No browser found; downloading one with Playwright.");
	await tool("playwright-core/cli.js", ["install", "chromium-headless-shell"], { quiet: true });
	return downloaded();
}

/** Throws an error that says what to install. */
export async function findBrowser() {
	const named = process.env.CHROME_PATH;
	if (named) {
		if (isExecutable(named)) return named;
		throw new Error(`CHROME_PATH is ${named}, which is not executable.`);
	}
	const browser = installed() ?? downloaded() ?? (await install());
	if (browser) return browser;
	throw new Error("The browser tests need Chrome or Chromium: install one, or set CHROME_PATH to its executable.");
}
