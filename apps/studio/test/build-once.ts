import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Builds the command line and Studio's pages from source before the first test, and finds a browser. Passes the paths
 * to the tests in environment variables.
 */
export default function buildOnce(): () => void {
	const studio = resolve(import.meta.dirname, "..");
	const root = resolve(studio, "../..");
	const cache = join(studio, "node_modules/.cache");
	mkdirSync(cache, { recursive: true });
	const directory = mkdtempSync(join(cache, "agentv-"));
	const node = (...args: string[]) =>
		execFileSync(process.execPath, args, {
			cwd: studio,
			// Overrides vitest's NODE_ENV for a production build.
			env: { ...process.env, NODE_ENV: "production" },
			stdio: ["ignore", "pipe", "inherit"],
			encoding: "utf8",
		});
	node(join(root, "apps/cli/scripts/build.mjs"), directory);
	node(join(studio, "node_modules/vite/bin/vite.js"), "build", "--outDir", join(directory, "studio"), "--emptyOutDir");
	process.env["AGENTV_TEST_STUDIO"] = join(directory, "bin.js");
	process.env["AGENTV_TEST_BROWSER"] ??= node(
		"--input-type=module",
		"-e",
		`import { findBrowser } from ${JSON.stringify(join(root, "scripts/browser.mjs"))}; console.log(await findBrowser());`,
	)
		.trim()
		.split("\n")
		.at(-1);
	return () => rmSync(directory, { recursive: true, force: true });
}
