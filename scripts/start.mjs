// Syncs a benchmark, validates and bundles its eval, and runs the bundle from another directory.
// Everything is in .agentv-start/, which git ignores.
import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { pnpm } from "./pnpm.mjs";
import { root, run } from "./run.mjs";

const place = join(root, ".agentv-start");
const home = join(place, "home");
const origin = join(place, "origin.git");
const benchmark = join(home, "benchmarks/quickstart");
const evalFile = join(benchmark, "evals/quickstart.eval.yaml");
const bundled = join(place, "bundle");
const moved = join(place, "elsewhere/quickstart-bundle");
const results = join(place, "results");
const agentvFile = join(root, "apps/cli/dist/bin.js");
const env = { ...process.env, AGENTV_HOME: home };

const shown = (word) => (word.startsWith(root) ? relative(root, word) : word);

class StepFailed extends Error {}

async function must(program, args, options) {
	const result = await run(program, args, options);
	if (result.exitCode !== 0)
		throw new StepFailed(`${program} ended with exit code ${result.exitCode}\n${result.output}`);
}

async function step(number, title, ...args) {
	console.log(`\n${number}. ${title}\n   $ agentv ${args.map(shown).join(" ")}`);
	await must(process.execPath, [agentvFile, ...args], { env });
}

/** Has its own identity, independent of the user's git configuration. */
async function makeOrigin() {
	const work = join(place, "origin");
	cpSync(join(root, "examples/quickstart"), work, { recursive: true });
	const settings = [
		"user.name=AgentV",
		"user.email=agentv@localhost",
		"commit.gpgsign=false",
		"core.hooksPath=/dev/null",
	];
	const git = (...args) =>
		must("git", [...settings.flatMap((setting) => ["-c", setting]), ...args], { cwd: work, quiet: true });
	await git("init", "--quiet", "--initial-branch=main");
	await git("add", "--all");
	await git("commit", "--quiet", "--message=The quickstart example");
	await git("clone", "--quiet", "--bare", work, origin);
	rmSync(work, { recursive: true });
}

async function prepare() {
	console.log("Installing and building AgentV …");
	for (const args of [
		["install", "--frozen-lockfile"],
		["run", "build:all"],
	]) {
		const { exitCode, output } = await pnpm(args, { quiet: true });
		if (exitCode !== 0) throw new StepFailed(output);
	}
	rmSync(place, { recursive: true, force: true });
	mkdirSync(join(place, "elsewhere"), { recursive: true });
	await makeOrigin();
	console.log(`Created a git repository with one eval in ${shown(origin)}; AGENTV_HOME is ${shown(home)}.`);
}

async function mainJob() {
	await step(
		1,
		"Register the repository as a benchmark",
		"benchmark",
		"add",
		pathToFileURL(origin).href,
		"--id",
		"quickstart",
	);
	await step(2, "Sync it", "benchmark", "sync", "quickstart");
	await step(3, "Check that its eval is valid and portable", "eval", "validate", evalFile);
	await step(4, "Bundle the eval", "bundle", evalFile, "--output", bundled);
	renameSync(bundled, moved);
	console.log(`   moved to ${shown(moved)}`);
	await step(5, "Run it from there", "eval", "run", join(moved, "eval.yaml"), "--output", results);
}

try {
	await prepare();
	await mainJob();
	console.log(`\nDone. The results are in ${shown(results)}.`);
	console.log(`View everything in Studio:\n   $ AGENTV_HOME=${shown(home)} node ${shown(agentvFile)} studio`);
} catch (error) {
	if (!(error instanceof StepFailed)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}
