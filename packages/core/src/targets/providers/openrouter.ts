import { postHttp } from "../../machine/http.ts";
import type { Provider } from "../contract.ts";
import { addressProblem, keyProblem, languageModelTarget, modelAddress, modelProblem } from "../language-model.ts";

const vendorAddress = "https://openrouter.ai/api/v1";

/** OpenRouter: many vendors behind chat completions; its responses include the cost. */
export const openrouter: Provider<"openrouter"> = {
	provider: "openrouter",
	create: ({ name, settings }, { env }) => {
		const { given, apiKey } = modelAddress(settings, env.OPENROUTER_API_KEY);
		const { reasoningEffort } = settings;
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				addressProblem(name, given) ??
				(given === undefined ? keyProblem(name, apiKey, "OPENROUTER_API_KEY") : undefined),
			...(reasoningEffort === undefined ? {} : { options: { openrouter: { reasoningEffort } } }),
			open: async () => {
				const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
				return createOpenAICompatible({
					fetch: postHttp,
					name: "openrouter",
					baseURL: given ?? vendorAddress,
					supportsStructuredOutputs: true,
					transformRequestBody: (body) => ({ ...body, usage: { include: true } }),
					...(apiKey ? { apiKey } : {}),
					...(settings.headers ? { headers: settings.headers } : {}),
				}).chatModel(settings.model ?? "");
			},
		});
	},
};
