import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { run, tool } from "./run.mjs";

const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome"];
const places = [
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

function executable(file) {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

function installed() {
	const directories = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
	return [...names.flatMap((name) => directories.map((directory) => join(directory, name))), ...places].find(
		executable,
	);
}

/** A browser that Playwright has downloaded for this or another project. */
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
		const found = files.map((file) => join(cache, file)).find((file) => !file.includes("Helper") && executable(file));
		if (found) return found;
	}
	return undefined;
}

async function install() {
	const isRoot = process.getuid?.() === 0;
	if (isRoot && existsSync("/usr/bin/apt-get")) {
		console.log("No browser found: installing Debian's chromium.");
		const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
		await run("apt-get", ["update", "-qq"], { quiet: true, env });
		await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], { quiet: true, env });
		return installed();
	}
	console.log("No browser found: letting Playwright download one.");
	await tool("playwright-core/cli.js", ["install", "chromium-headless-shell"], { quiet: true });
	return downloaded();
}

/** Path of a Chrome or Chromium for the tests; throws a sentence that says what to install. */
export async function findBrowser() {
	const named = process.env.CHROME_PATH;
	if (named) {
		if (executable(named)) return named;
		throw new Error(`CHROME_PATH names ${named}, which cannot be run.`);
	}
	const found = installed() ?? downloaded() ?? (await install());
	if (found) return found;
	throw new Error("The browser tests need Chrome or Chromium: install one, or set CHROME_PATH to its executable.");
}
