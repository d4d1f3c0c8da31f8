import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** Lints `text` as if it were at `path` in the repository. */
function lint(path: string, text: string): { exitCode: number | null; output: string } {
	const tree = tempTree({ "biome.json": readFileSync(join(root, "biome.json"), "utf8"), [path]: text });
	const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
	const options = ["lint", "--vcs-enabled=false", "--colors=off", "."];
	const run = spawnSync(process.execPath, [biome, ...options], { cwd: tree, encoding: "utf8" });
	return { exitCode: run.status, output: run.stdout + run.stderr };
}

it.each([
	["process.env", "style/noRestrictedGlobals", "export const home = process.env.HOME;\n"],
	["process.exit", "style/noRestrictedGlobals", "export const stop = () => process.exit(1);\n"],
	["console", "style/noRestrictedGlobals", 'export const tell = () => console.log("x");\n'],
	["any", "suspicious/noExplicitAny", "export const anything: any = 1;\n"],
	["a non-null assertion", "style/noNonNullAssertion", "export const f = (a?: string) => a!;\n"],
	["more than 600 lines", "style/noExcessiveLinesPerFile", "export {};\n".repeat(601)],
	[
		"a function over 60 lines",
		"complexity/noExcessiveLinesPerFunction",
		`export function f(a: number) {\n${"\ta += 1;\n".repeat(61)}\treturn a;\n}\n`,
	],
])("the lint refuses %s in core", (_what, rule, text) => {
	const { exitCode, output } = lint("packages/core/src/run/planted.ts", text);
	expect(output).toContain(rule);
	expect(exitCode).toBe(1);
});

it("the lint allows the entry points to use the process", () => {
	for (const file of [
		"apps/cli/src/bin.ts",
		"packages/core/src/machine/environment.ts",
		"apps/studio/server/start.ts",
	]) {
		expect(lint(file, "export const home = process.env.HOME;\n"), file).toMatchObject({ exitCode: 0 });
	}
});
