import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it, onTestFinished } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { readPage, root } from "./docs/markdown-page.ts";

const cli = resolve(import.meta.dirname, "..");
const limitBytes = 5_000_000;

/**
 * The README's commands for installing from a checkout, without the build, which precedes the
 * tests.
 */
function installLines(): readonly string[] {
	const block = readPage("README.md").blocks.find(({ text }) => text.includes("npm install -g"));
	const [build, ...lines] = block?.text.split("\n") ?? [];
	expect(build).toBe("npm run build");
	return lines;
}

/**
 * Runs the README's commands in the checkout, with an empty prefix and HOME. Returns the
 * environment.
 */
function installAsDocumented(): {
	readonly env: Record<string, string>;
	readonly packages: string;
	readonly elsewhere: string;
} {
	const place = tempTree({ "home/.keep": "", "prefix/.keep": "", "elsewhere/.keep": "" });
	const prefix = join(place, "prefix");
	const env = {
		PATH: `${join(prefix, "bin")}:${process.env["PATH"]}`,
		HOME: join(place, "home"),
		...{ npm_config_prefix: prefix, npm_config_cache: join(place, "cache"), npm_config_offline: "true" },
	};
	onTestFinished(removeTarballs);
	removeTarballs();
	for (const line of installLines()) {
		// Packing downloads pnpm once, so it uses the developer's HOME and cache.
		const isPacking = line.startsWith("npm run pack");
		execFileSync("sh", ["-c", line], { cwd: root, stdio: "pipe", env: isPacking ? process.env : env });
	}
	return { env, packages: join(prefix, "lib/node_modules"), elsewhere: join(place, "elsewhere") };
}

function removeTarballs(): void {
	for (const file of readdirSync(cli)) if (/^agentv-.*\.tgz$/.test(file)) rmSync(join(cli, file));
}

function sizeOf(directory: string): number {
	return readdirSync(directory, { recursive: true, encoding: "utf8" })
		.map((file) => lstatSync(join(directory, file)))
		.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

describe("the packed command line", () => {
	it("installs offline as the README says and runs anywhere, small and without dependencies", () => {
		const { env, packages, elsewhere } = installAsDocumented();
		const installed = join(packages, "agentv");
		const agentv = (...args: string[]) => execFileSync("agentv", args, { cwd: elsewhere, env, encoding: "utf8" });

		expect(agentv("--version")).toBe(`${manifest.version}\n`);
		expect(agentv("--help")).toContain("Usage: agentv");

		const packed = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
		expect(Object.keys(packed).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
		expect(readdirSync(packages)).toEqual(["agentv"]);
		expect(sizeOf(packages)).toBeLessThan(limitBytes);
		expect(existsSync(join(installed, "LICENSE"))).toBe(true);
		const licenses = readFileSync(join(installed, "THIRD-PARTY-LICENSES.txt"), "utf8");
		for (const name of ["commander 14", "hono 4", ...(existsSync(join(installed, "studio")) ? ["react 19"] : [])])
			expect(licenses).toContain(name);
	});
});
