import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
	root: "client",
	base: "/",
	plugins: [react()],
	build: {
		outDir: "../dist/client",
		emptyOutDir: true,
		target: "es2023",
		// The page's policy forbids inline scripts and styles that are data: URLs of modules.
		modulePreload: { polyfill: false },
		assetsInlineLimit: 0,
	},
});
