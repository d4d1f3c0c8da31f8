import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * Builds the command line and Studio's pages from source before the first test, and finds a
 * browser. Passes the paths to the tests in environment variables. If such a variable already names
 * a build, uses it.
 */
export default function buildOnce(): () => void {
	const studio = resolve(import.meta.dirname, "..");
	const root = resolve(studio, "../..");
	const node = (...args: string[]) =>
		execFileSync(process.execPath, args, {
			cwd: studio,
			// Overrides Vitest's NODE_ENV for a production build.
			env: { ...process.env, NODE_ENV: "production" },
			stdio: ["ignore", "pipe", "inherit"],
			encoding: "utf8",
		});
	process.env["AGENTV_TEST_BROWSER"] ??= node(
		"--input-type=module",
		"-e",
		`import { findBrowser } from ${JSON.stringify(join(root, "scripts/browser.mjs"))}; console.log(await findBrowser());`,
	)
		.trim()
		.split("\n")
		.at(-1);
	if (process.env["AGENTV_TEST_STUDIO"] !== undefined) return () => undefined;
	const cache = join(studio, "node_modules/.cache");
	mkdirSync(cache, { recursive: true });
	const directory = mkdtempSync(join(cache, "agentv-"));
	const built = process.env["AGENTV_TEST_BIN"];
	if (built === undefined) node(join(root, "apps/cli/scripts/build.mjs"), directory);
	else cpSync(dirname(built), directory, { recursive: true });
	const vite = [join(studio, "node_modules/vite/bin/vite.js"), "build", "--outDir", join(directory, "studio")];
	node(...vite, "--emptyOutDir");
	node(...vite, "--mode", "report");
	process.env["AGENTV_TEST_STUDIO"] = join(directory, "bin.js");
	return () => rmSync(directory, { recursive: true, force: true });
}
