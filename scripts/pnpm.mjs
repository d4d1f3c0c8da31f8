// Runs the lockfile's version of pnpm, without a global installation.
// Usage: node scripts/pnpm.mjs <pnpm arguments>
import { pathToFileURL } from "node:url";
import { run } from "./run.mjs";

const version = "12.21.0";

/** CI=true keeps pnpm from prompting. */
export function pnpm(args, options = {}) {
	const env = {
		...process.env,
		...options.env,
		CI: "true",
		npm_config_yes: "true",
		npm_config_update_notifier: "false",
	};
	return run("npx", ["--yes", `pnpm@${version}`, ...args], { ...options, env });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
	process.exitCode = (await pnpm(process.argv.slice(2))).exitCode;
}
