// Bundles the command line, the rows of docs tables and Studio's router of the source tree that contains this file.
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { bundling } from "../../scripts/bundling.mjs";

const root = resolve(import.meta.dirname, "../../../..");
const core = join(root, "packages/core/src");

async function bundle(options, dir) {
	const build = await rolldown(options);
	await build.write({ dir, format: "esm", entryFileNames: "[name].mjs" });
	await build.close();
}

const input = {
	agentv: join(root, "apps/cli/src/bin.ts"),
	providers: join(core, "targets/testing/docs-rows.ts"),
	graders: join(core, "grading/testing/docs-rows.ts"),
};
await bundle({ ...bundling, input }, join(root, "out"));

// Other packages are external, because only the router's screens matter.
const client = join(root, "apps/studio/client");
const moduleTypes = { ".css": "empty" };
await bundle({ input: join(client, "main.tsx"), external: /^[^./]/, moduleTypes }, join(root, "out/studio"));
