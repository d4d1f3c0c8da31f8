import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { keyOrProblem, modelProblem } from "../language-model/model-key.ts";

const address = "https://openrouter.ai/api/v1";

/** OpenRouter: many vendors behind chat completions; its answers say what they cost. */
export const openrouter: Provider<"openrouter"> = {
	provider: "openrouter",
	create: ({ name, settings }, { env }) => {
		const given = settings.baseUrl ?? settings.endpoint;
		const apiKey = settings.apiKey ?? (given === undefined ? env.OPENROUTER_API_KEY : undefined);
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				(given === undefined ? keyOrProblem(name, apiKey, "OPENROUTER_API_KEY") : undefined),
			open: async () => {
				const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
				return createOpenAICompatible({
					name: "openrouter",
					baseURL: given ?? address,
					supportsStructuredOutputs: true,
					transformRequestBody: (body) => ({ ...body, usage: { include: true } }),
					...(apiKey ? { apiKey } : {}),
					...(settings.headers ? { headers: settings.headers } : {}),
				}).chatModel(settings.model ?? "");
			},
		});
	},
};
