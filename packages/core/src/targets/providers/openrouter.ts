import { modelProvider, plainModelSettings } from "../language-model.ts";

export const openrouter = modelProvider({
	name: "openrouter",
	runs: "models of many vendors",
	cost: "as it says",
	address: "https://openrouter.ai/api/v1",
	keys: ["OPENROUTER_API_KEY"],
	settings: plainModelSettings,
	reasoning: (reasoningEffort) => ({ openrouter: { reasoningEffort } }),
	open: async ({ model, address, sdk }) => {
		const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
		return createOpenAICompatible({
			...sdk,
			name: "openrouter",
			baseURL: address,
			supportsStructuredOutputs: true,
			transformRequestBody: (body) => ({ ...body, usage: { include: true } }),
		}).chatModel(model);
	},
});
