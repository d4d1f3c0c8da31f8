import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Builds the command line from source before the first test, so that tests never run a stale dist.
 * Passes its path to the tests in AGENTV_TEST_BIN. If that variable already names a build, uses it.
 */
export default function buildOnce(): () => void {
	if (process.env["AGENTV_TEST_BIN"] !== undefined) return () => undefined;
	const cli = resolve(import.meta.dirname, "..");
	const cache = join(cli, "node_modules/.cache");
	mkdirSync(cache, { recursive: true });
	const directory = mkdtempSync(join(cache, "agentv-"));
	execFileSync(process.execPath, [join(cli, "scripts/build.mjs"), directory], {
		stdio: ["ignore", "ignore", "inherit"],
	});
	process.env["AGENTV_TEST_BIN"] = join(directory, "bin.js");
	return () => rmSync(directory, { recursive: true, force: true });
}
