import { defineConfig } from "vitest/config";

const resolve = { conditions: ["agentv-source"] };
const ssr = { resolve: { conditions: ["agentv-source"], externalConditions: ["agentv-source"] } };

export default defineConfig({
	resolve,
	ssr,
	test: {
		// Most tests wait for child processes: two files concurrently, even with only two cores.
		maxWorkers: 2,
		projects: [
			{ resolve, ssr, test: { name: "core", include: ["packages/core/src/**/*.test.ts"], testTimeout: 60_000 } },
			{
				resolve,
				ssr,
				test: {
					name: "cli",
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
					globalSetup: ["apps/studio/test/build-once.ts"],
					include: ["apps/studio/{server,client,test}/**/*.test.{ts,tsx}"],
					testTimeout: 120_000,
				},
			},
		],
	},
});
