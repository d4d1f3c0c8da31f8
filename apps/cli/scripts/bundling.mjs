// Bundling options of the command line, for its build and for benchmarks.
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import { rolldown } from "rolldown";

const core = resolve(import.meta.dirname, "../../../packages/core");
const coreRequire = createRequire(join(core, "package.json"));

/** yazl requires this package as a function, but its ESM build does not export one. */
function requiredOnly() {
	return { "buffer-crc32": createRequire(coreRequire.resolve("yazl")).resolve("buffer-crc32") };
}

/** yaml's Node build reads the environment at every token, a fifth of its parsing time; its other build doesn't. */
function quickYaml() {
	return { yaml: join(dirname(coreRequire.resolve("yaml/package.json")), "browser/dist/index.js") };
}

/** Returns rolldown's options for Node code from source. */
export const bundling = {
	platform: "node",
	resolve: {
		conditionNames: ["agentv-source", "import", "node", "default"],
		alias: { ...requiredOnly(), ...quickYaml() },
	},
	onLog(level, log, handle) {
		if (level === "warn" && /node_modules/.test(log.id ?? log.loc?.file ?? "")) return;
		handle(level === "warn" ? "error" : level, log);
	},
};

/** Returns the files that run as separate processes or threads: they stay separate, named as in the source. */
export async function startedFiles() {
	const source = join(core, "src");
	const files = await readdir(source, { recursive: true });
	const started = files.filter((file) => /-(host|worker)\.(ts|mjs|js)$/.test(file));
	return Object.fromEntries(started.map((file) => [basename(file, extname(file)), join(source, file)]));
}

/** Bundles modules with the options of the command line: writes `directory/<name>.mjs` for each name of `input`. */
async function bundleModules(directory, input) {
	const build = await rolldown({ ...bundling, input });
	await build.write({
		dir: directory,
		format: "esm",
		entryFileNames: "[name].mjs",
		chunkFileNames: "[name]-[hash].mjs",
	});
	await build.close();
}

/** Bundles core's front door. Returns the module's path in `directory`. */
export async function bundleCore(directory) {
	await bundleModules(directory, { core: join(core, "src/index.ts") });
	return join(directory, "core.mjs");
}

/** Bundles `main`, core's front door and the files that they start, so that all share their modules. Returns the paths of the first two. */
export async function bundleMain(directory) {
	const main = resolve(import.meta.dirname, "../src/main.ts");
	await bundleModules(directory, { main, core: join(core, "src/index.ts"), ...(await startedFiles()) });
	return { main: join(directory, "main.mjs"), core: join(directory, "core.mjs") };
}
