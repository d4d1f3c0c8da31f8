import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

const cli = resolve(import.meta.dirname, "..");
const pnpmScript = resolve(cli, "../../scripts/pnpm.mjs");
const limitBytes = 5_000_000;

/** Packs the command line as for publishing and installs the tarball with npm into an empty directory. */
function installPacked(): string {
	const place = tempTree({ "project/package.json": "{}" });
	execFileSync(process.execPath, [pnpmScript, "--dir", cli, "pack", "--pack-destination", place], { stdio: "pipe" });
	const tarball = readdirSync(place).find((file) => file.endsWith(".tgz"));
	if (tarball === undefined) throw new Error("nothing was packed");
	const project = join(place, "project");
	const options = ["--offline", "--no-audit", "--no-fund", "--cache", join(place, "cache")];
	execFileSync("npm", ["install", ...options, join(place, tarball)], { cwd: project, stdio: "pipe" });
	return project;
}

function sizeOf(directory: string): number {
	return readdirSync(directory, { recursive: true, encoding: "utf8" })
		.map((file) => lstatSync(join(directory, file)))
		.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

describe("the packed command line", () => {
	it("installs offline from its tarball and runs, small and without dependencies", () => {
		const project = installPacked();
		const installed = join(project, "node_modules/agentv");
		const agentv = (...args: string[]) =>
			execFileSync(join(project, "node_modules/.bin/agentv"), args, { cwd: project, encoding: "utf8" });

		expect(agentv("--version")).toBe(`${manifest.version}\n`);
		expect(agentv("--help")).toContain("Usage: agentv");

		const packed = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
		expect(Object.keys(packed).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
		expect(readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["agentv"]);
		expect(sizeOf(join(project, "node_modules"))).toBeLessThan(limitBytes);
		expect(existsSync(join(installed, "LICENSE"))).toBe(true);
		const licenses = readFileSync(join(installed, "THIRD-PARTY-LICENSES.txt"), "utf8");
		for (const name of ["commander 14", "hono 4", ...(existsSync(join(installed, "studio")) ? ["react 19"] : [])])
			expect(licenses).toContain(name);
	});
});
