// Bundling options of the command line, for its build and for benchmarks.
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
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

/** Bundles core as in the command line. Returns the module's path in `directory`. */
export async function bundleCore(directory) {
	const build = await rolldown({ ...bundling, input: { core: join(core, "src/index.ts") } });
	await build.write({
		dir: directory,
		format: "esm",
		entryFileNames: "[name].mjs",
		chunkFileNames: "[name]-[hash].mjs",
	});
	await build.close();
	return join(directory, "core.mjs");
}
