// How the command line's modules are bundled: for its build, and for benchmarks of what it ships.
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { rolldown } from "rolldown";

const core = resolve(import.meta.dirname, "../../../packages/core");
const coreRequire = createRequire(join(core, "package.json"));

/** yazl requires this package, whose module for `import` is no function: it must get the one for `require`. */
function requiredOnly() {
	return { "buffer-crc32": createRequire(coreRequire.resolve("yazl")).resolve("buffer-crc32") };
}

/** Of its two builds, yaml's one for Node asks the environment at every token, which is a fifth of the time it takes to parse. */
function quickYaml() {
	return { yaml: join(dirname(coreRequire.resolve("yaml/package.json")), "browser/dist/index.js") };
}

/** Options of rolldown for code that runs in Node, from source. */
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

/** Bundles core's front door as the command line has it in itself. Returns the module's path in `directory`. */
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
