// Builds, then runs the named benchmarks, or all: `npm run bench -- start-up`.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "./pnpm.mjs";
import { root, run } from "./run.mjs";

const directory = join(root, "bench");
const wanted = process.argv.slice(2);
const files = readdirSync(directory)
	.filter((file) => file.endsWith(".bench.mjs"))
	.filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)))
	.sort();

async function bench() {
	if (files.length === 0) {
		console.error(`No such benchmark: ${wanted.join(", ")}`);
		return 2;
	}
	const build = await pnpm(["run", "build:all"], { quiet: true });
	if (build.exitCode !== 0) {
		console.error(build.output);
		return build.exitCode;
	}
	let exitCode = 0;
	for (const file of files) {
		console.log(`\n# ${file.replace(".bench.mjs", "")}`);
		exitCode = Math.max(exitCode, (await run(process.execPath, [join(directory, file)])).exitCode);
	}
	return exitCode;
}

process.exitCode = await bench();
