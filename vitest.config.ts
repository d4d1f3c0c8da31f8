import { defineConfig } from "vitest/config";

const resolve = { conditions: ["agentv-source"] };
const ssr = { resolve: { conditions: ["agentv-source"], externalConditions: ["agentv-source"] } };

/** Files of a worker share their modules: reloading core for each takes longer than most tests run. */
const isolate = false;

export default defineConfig({
	resolve,
	ssr,
	test: {
		// Many tests wait for child processes: three files run concurrently, even with only two cores.
		maxWorkers: 3,
		globalSetup: ["scripts/quick-temp.ts"],
		projects: [
			{
				resolve,
				ssr,
				test: {
					name: "core",
					isolate,
					include: ["packages/{core,test-support}/src/**/*.test.ts"],
					testTimeout: 60_000,
				},
			},
			{
				resolve,
				ssr,
				test: {
					name: "cli",
					isolate,
					globalSetup: ["apps/cli/test/build-once.ts"],
					include: ["apps/cli/{src,test}/**/*.test.ts", "scripts/**/*.test.ts"],
					testTimeout: 120_000,
				},
			},
			{
				resolve,
				ssr,
				test: {
					name: "studio",
					isolate,
					globalSetup: ["apps/studio/test/build-once.ts"],
					include: ["apps/studio/{server,client,test}/**/*.test.{ts,tsx}"],
					testTimeout: 120_000,
				},
			},
		],
	},
});
