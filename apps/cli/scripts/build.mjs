// Bundles the command line into dist/, without runtime dependencies and with a chunk per command.
// dist/ is also the published package: it gets a package.json, the licences and Studio's built pages.
// Usage: node scripts/build.mjs [directory]
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { bundling, startedFiles } from "./bundling.mjs";
import { licenses } from "./licenses.mjs";

const cli = resolve(import.meta.dirname, "..");
const root = resolve(cli, "../..");
const dist = resolve(process.argv[2] ?? join(cli, "dist"));
const studioPages = join(root, "apps/studio/dist/client");
/** Returns the paths of the modules in Studio's pages, as listed by its build. */
const studioModules = join(root, "apps/studio/dist/client-modules.json");

const exists = (path) =>
	stat(path).then(
		() => true,
		() => false,
	);

async function bundle() {
	const input = { bin: join(cli, "src/bin.ts"), ...(await startedFiles()) };
	const collected = licenses();
	const build = await rolldown({
		input,
		plugins: [collected.plugin],
		...bundling,
	});
	await build.write({
		dir: dist,
		format: "esm",
		entryFileNames: "[name].js",
		chunkFileNames: "[name]-[hash].js",
		minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
	});
	await build.close();
	if (await exists(studioModules)) collected.add(JSON.parse(await readFile(studioModules, "utf8")));
	return collected.text();
}

async function writePackage(thirdParty) {
	const { name, version, description, license, type, engines } = JSON.parse(
		await readFile(join(cli, "package.json"), "utf8"),
	);
	const manifest = { name, version, description, license, type, engines, bin: { agentv: "bin.js" } };
	await writeFile(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
	await writeFile(join(dist, "THIRD-PARTY-LICENSES.txt"), thirdParty);
	for (const file of [join(root, "LICENSE"), join(cli, "README.md")]) {
		if (await exists(file)) await cp(file, join(dist, basename(file)));
	}
	if (await exists(studioPages)) await cp(studioPages, join(dist, "studio"), { recursive: true });
	await chmod(join(dist, "bin.js"), 0o755);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writePackage(await bundle());
