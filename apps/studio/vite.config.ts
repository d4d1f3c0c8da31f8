import { writeFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Lists the modules of packages that the pages hold, for the licences that are packed with them. */
function listModules(): Plugin {
	return {
		name: "list-modules",
		generateBundle(_options, bundle) {
			const modules = Object.values(bundle).flatMap((chunk) => ("modules" in chunk ? Object.keys(chunk.modules) : []));
			const packaged = [...new Set(modules.filter((id) => id.includes("/node_modules/")))].sort();
			writeFileSync(new URL("dist/client-modules.json", import.meta.url), `${JSON.stringify(packaged)}\n`);
		},
	};
}

export default defineConfig({
	root: "client",
	base: "/",
	plugins: [react(), listModules()],
	build: {
		outDir: "../dist/client",
		emptyOutDir: true,
		target: "es2023",
		// The page's policy forbids inline scripts and styles that are data: URLs of modules.
		modulePreload: { polyfill: false },
		assetsInlineLimit: 0,
	},
});
