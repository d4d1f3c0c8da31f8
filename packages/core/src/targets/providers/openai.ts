import { postHttp } from "../../machine/http.ts";
import type { Provider } from "../contract.ts";
import { addressProblem, keyProblem, languageModelTarget, modelAddress, modelProblem } from "../language-model.ts";

/** The SDK would otherwise read an address from the process's environment. */
const vendorAddress = "https://api.openai.com/v1";

/** OpenAI, or any server with chat completions at `base_url` (Ollama, vLLM, gateways). */
export const openai: Provider<"openai"> = {
	provider: "openai",
	create: ({ name, settings }, { env }) => {
		const { given, apiKey } = modelAddress(settings, env.OPENAI_API_KEY);
		const model = settings.model ?? "";
		const { reasoningEffort } = settings;
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				addressProblem(name, given) ??
				(given === undefined ? keyProblem(name, apiKey, "OPENAI_API_KEY") : undefined),
			...(reasoningEffort === undefined ? {} : { options: { openai: { reasoningEffort } } }),
			open: async () => {
				const headers = settings.headers ? { headers: settings.headers } : {};
				if (given !== undefined && settings.apiFormat !== "responses") {
					const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
					const key = apiKey ? { apiKey } : {};
					const own = { name: "openai", baseURL: given, supportsStructuredOutputs: true, fetch: postHttp };
					return createOpenAICompatible({ ...own, ...key, ...headers }).chatModel(model);
				}
				const { createOpenAI } = await import("@ai-sdk/openai");
				const sdk = createOpenAI({
					apiKey: apiKey ?? "",
					baseURL: given ?? vendorAddress,
					fetch: postHttp,
					...headers,
				});
				return settings.apiFormat === "responses" ? sdk.responses(model) : sdk.chat(model);
			},
		});
	},
};
