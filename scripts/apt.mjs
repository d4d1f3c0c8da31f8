import { existsSync } from "node:fs";
import { run } from "./run.mjs";

export const canInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");

const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
let updated;

/** Does not check for failures. */
export async function install(packages) {
	console.log(`Installing Debian packages: ${packages.join(", ")}.`);
	updated ??= run("apt-get", ["update", "-qq"], { quiet: true, env });
	await updated;
	await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { quiet: true, env });
}
