import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Collects the licences of bundled packages: a plugin for the build, modules of other builds, and the resulting text.
 */
export function licenses() {
	const roots = new Set();
	const plugin = {
		name: "licenses",
		generateBundle(_options, bundle) {
			for (const chunk of Object.values(bundle)) {
				for (const id of Object.keys(chunk.modules ?? {}))
					if (id.includes("/node_modules/")) roots.add(packageRoot(id));
			}
		},
	};
	/** Adds the packages of modules that another build has bundled. `modules` are paths. */
	const add = (modules) => {
		for (const id of modules) roots.add(packageRoot(id));
	};
	return { plugin, add, text: () => sections([...roots].map(describe)).join("\n") };
}

/** Returns the nearest directory above a module whose package.json has a name and version. */
function packageRoot(module) {
	for (let directory = dirname(module.replace(/\0|\?.*$/g, "")); ; directory = dirname(directory)) {
		const manifest = readManifest(directory);
		if (manifest?.name && manifest.version) return directory;
		if (directory === dirname(directory)) throw new Error(`No package.json above ${module}`);
	}
}

function readManifest(directory) {
	try {
		return JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
	} catch (error) {
		if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
		throw error;
	}
}

function describe(directory) {
	const { name, version, license } = readManifest(directory);
	const files = readdirSync(directory)
		.filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
		.sort();
	const text = files.map((file) => readFileSync(join(directory, file), "utf8").trim()).join("\n\n");
	if (!license && text === "") throw new Error(`${name} ${version} states no licence`);
	return { title: `${name} ${version}`, text: `${license ?? "see below"}\n\n${text}`.trim() };
}

function sections(packages) {
	const intro = "AgentV's command line and its web app contain code of these packages, each under its own licence.\n";
	const sorted = packages.sort((a, b) => (a.title < b.title ? -1 : 1));
	const unique = sorted.filter(({ title }, index) => title !== sorted[index - 1]?.title);
	return [intro, ...unique.map(({ title, text }) => `${"=".repeat(80)}\n${title}: ${text}\n`)];
}
