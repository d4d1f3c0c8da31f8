// Runs all checks and tests; randomised ones with a tenth of their rounds, unless `--full`. Other
// arguments are passed to vitest: `npm test -- packages/core/src/base`.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBrowser } from "./browser.mjs";
import { pnpm } from "./pnpm.mjs";
import { root, tool } from "./run.mjs";
import { needShells } from "./shells.mjs";

const full = process.argv.includes("--full");
const filters = process.argv.slice(2).filter((argument) => argument !== "--full");
const artifacts = join(root, "test-artifacts");
const seed = process.env.AGENTV_TEST_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
const counts = { passed: 0, failed: 0, skipped: 0 };

async function check(name, work) {
	const started = performance.now();
	const { exitCode, output } = await work();
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(`${exitCode === 0 ? "✓" : "✗"} ${name} (${seconds} s)`);
	if (exitCode !== 0) console.log(output);
	counts[exitCode === 0 ? "passed" : "failed"]++;
	return exitCode === 0;
}

/** `find` throws an error that says what to install. */
async function needed(find) {
	try {
		await find();
		return { exitCode: 0, output: "" };
	} catch (error) {
		return { exitCode: 1, output: error.message };
	}
}

/** Checks the packed library with publint and arethetypeswrong. */
async function corePackage() {
	const packed = await pnpm(["--dir", join(root, "packages/core"), "pack", "--pack-destination", artifacts], {
		quiet: true,
	});
	if (packed.exitCode !== 0) return packed;
	const tarball = join(
		artifacts,
		readdirSync(artifacts).find((file) => file.endsWith(".tgz")),
	);
	const lint = await tool("publint/src/cli.js", ["--strict", tarball], { quiet: true });
	if (lint.exitCode !== 0) return lint;
	return tool("@arethetypeswrong/cli/dist/index.js", [tarball, "--profile", "esm-only"], { quiet: true });
}

/** Counts a file that could not be loaded as one failure. */
function countTests(file) {
	const report = JSON.parse(readFileSync(file, "utf8"));
	const broken = report.testResults.filter(
		(result) => result.status === "failed" && !result.assertionResults.some(({ status }) => status === "failed"),
	);
	counts.passed += report.numPassedTests;
	counts.failed += report.numFailedTests + broken.length;
	counts.skipped += report.numPendingTests + report.numTodoTests;
}

async function tests(env) {
	const file = join(artifacts, "vitest.json");
	const options = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...filters];
	console.log(`Tests: seed ${seed}, ${full ? "all" : "a tenth of the"} rounds.`);
	const { exitCode } = await tool("vitest/vitest.mjs", options, { env });
	const before = counts.failed;
	try {
		countTests(file);
	} catch (error) {
		console.log(`No test report: ${error.message}`);
	}
	if (exitCode !== 0 && counts.failed === before) counts.failed++;
}

/** Copies the build, because packing, which is also tested, rebuilds in place. */
function builtForTests() {
	const place = join(root, "apps/cli/node_modules/.cache/built");
	rmSync(place, { recursive: true, force: true });
	cpSync(join(root, "apps/cli/dist"), place, { recursive: true });
	const bin = join(place, "bin.js");
	return { AGENTV_TEST_BIN: bin, AGENTV_TEST_STUDIO: bin };
}

async function buildAndTest(env) {
	await check("browser", () =>
		needed(async () => {
			env.AGENTV_TEST_BROWSER = await findBrowser();
		}),
	);
	await check("shells", () => needed(needShells));
	const isBuilt = await check("build", () => pnpm(["--recursive", "--if-present", "run", "bundle"], { quiet: true }));
	await tests({ ...env, ...(isBuilt ? builtForTests() : {}) });
}

/** Runs in parallel with the tests, which often wait. */
async function otherChecks() {
	await check("types", () => tool("typescript/bin/tsc", ["-b"], { quiet: true }));
	await check("style", () => tool("@biomejs/biome/bin/biome", ["check", "--colors=off", "."], { quiet: true }));
	await check("unused code", () => tool("knip/bin/knip.js", [], { quiet: true }));
	await check("import rules", () => pnpm(["run", "layers"], { quiet: true }));
	await check("shape of @agentv/core", corePackage);
}

async function everything() {
	const env = { ...process.env, AGENTV_TEST_SEED: seed, AGENTV_TEST_ROUNDS: full ? "full" : "tenth" };
	if (!(await check("install", () => pnpm(["install", "--frozen-lockfile"], { quiet: true })))) return;
	await Promise.all([buildAndTest(env), otherChecks()]);
}

rmSync(artifacts, { recursive: true, force: true });
mkdirSync(artifacts, { recursive: true });
await everything();
writeFileSync(join(artifacts, "counts.json"), JSON.stringify(counts));
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
