import { modelProvider, plainModelSettings, versioned } from "../language-model.ts";

export const anthropic = modelProvider({
	name: "anthropic",
	runs: "Anthropic's messages API",
	address: "https://api.anthropic.com",
	keys: ["ANTHROPIC_API_KEY"],
	settings: plainModelSettings,
	reasoning: (effort) => ({ anthropic: { effort } }),
	open: async ({ model, address, sdk }) => {
		const { createAnthropic } = await import("@ai-sdk/anthropic");
		return createAnthropic({ ...sdk, baseURL: versioned(address, "v1") })(model);
	},
});
