import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { keyOrProblem, modelProblem } from "../language-model/model-key.ts";

/** OpenAI, and with `base_url` any server that speaks its chat completions (Ollama, vLLM, LM Studio, gateways). */
export const openai: Provider<"openai"> = {
	provider: "openai",
	create: ({ name, settings }, { env }) => {
		const baseURL = settings.baseUrl ?? settings.endpoint;
		const apiKey = settings.apiKey ?? (baseURL === undefined ? env.OPENAI_API_KEY : undefined);
		const model = settings.model ?? "";
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				(baseURL === undefined ? keyOrProblem(name, apiKey, "OPENAI_API_KEY") : undefined),
			open: async () => {
				const headers = settings.headers ? { headers: settings.headers } : {};
				if (baseURL !== undefined && settings.apiFormat !== "responses") {
					const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
					return createOpenAICompatible({
						name: "openai",
						baseURL,
						supportsStructuredOutputs: true,
						...(apiKey ? { apiKey } : {}),
						...headers,
					}).chatModel(model);
				}
				const { createOpenAI } = await import("@ai-sdk/openai");
				const sdk = createOpenAI({ apiKey: apiKey ?? "", ...(baseURL === undefined ? {} : { baseURL }), ...headers });
				return settings.apiFormat === "responses" ? sdk.responses(model) : sdk.chat(model);
			},
		});
	},
};
