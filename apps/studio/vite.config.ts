import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
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

/** The files of an exported page are packed compressed, because Studio's pages contain most of them already. */
function compress(): Plugin {
	return {
		name: "compress",
		writeBundle({ dir = "" }, bundle) {
			for (const name of Object.keys(bundle)) {
				const file = join(dir, name);
				writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
				rmSync(file);
			}
		},
	};
}

/** Studio's pages; in mode `report`, the script and style of the page that exports a run, one file each, added to them. */
export default defineConfig(({ mode }) => ({
	root: "client",
	base: "/",
	publicDir: mode === "report" ? false : "public",
	plugins: mode === "report" ? [react(), compress()] : [react(), listModules()],
	build: {
		outDir: "../dist/client",
		emptyOutDir: mode !== "report",
		chunkSizeWarningLimit: 1000,
		target: "es2023",
		// Browsers with light-dark(), whose substitute does not follow a scheme that is chosen by an attribute.
		cssTarget: ["chrome123", "firefox120", "safari17.5"],
		// The page's policy forbids inline scripts and styles that are data: URLs of modules.
		modulePreload: mode === "report" ? false : { polyfill: false },
		assetsInlineLimit: 0,
		...(mode === "report" && {
			cssCodeSplit: false,
			rolldownOptions: {
				input: "client/report.tsx",
				output: { codeSplitting: false, entryFileNames: "report.js", assetFileNames: "report.[ext]" },
			},
		}),
	},
}));
