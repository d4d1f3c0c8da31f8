import { wireObject } from "../../format/codec.ts";
import { modelProvider, settingsWithout } from "../language-model.ts";

/** OpenAI, or any server with chat completions at `base_url` (Ollama, vLLM, gateways). */
export const openai = modelProvider({
	name: "openai",
	runs: "OpenAI, or any compatible server by `base_url`",
	address: "https://api.openai.com/v1",
	keys: ["OPENAI_API_KEY"],
	settings: wireObject(settingsWithout("resourceName", "deployment", "version", "apiVersion")),
	reasoning: (reasoningEffort) => ({ openai: { reasoningEffort } }),
	open: async ({ settings: { apiFormat }, model, address, isOwnServer, sdk }) => {
		if (isOwnServer && apiFormat !== "responses") {
			const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
			const server = { ...sdk, name: "openai", baseURL: address, supportsStructuredOutputs: true };
			return createOpenAICompatible(server).chatModel(model);
		}
		const { createOpenAI } = await import("@ai-sdk/openai");
		const vendor = createOpenAI({ ...sdk, baseURL: address });
		return apiFormat === "responses" ? vendor.responses(model) : vendor.chat(model);
	},
});
