import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { keyOrProblem, modelProblem } from "../language-model/model-key.ts";

/** Anthropic's messages API. */
export const anthropic: Provider<"anthropic"> = {
	provider: "anthropic",
	create: ({ name, settings }, { env }) => {
		const baseURL = settings.baseUrl ?? settings.endpoint;
		const apiKey = settings.apiKey ?? (baseURL === undefined ? env.ANTHROPIC_API_KEY : undefined);
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				(baseURL === undefined ? keyOrProblem(name, apiKey, "ANTHROPIC_API_KEY") : undefined),
			open: async () => {
				const { createAnthropic } = await import("@ai-sdk/anthropic");
				return createAnthropic({
					apiKey: apiKey ?? "",
					...(baseURL === undefined ? {} : { baseURL }),
					...(settings.headers ? { headers: settings.headers } : {}),
				})(settings.model ?? "");
			},
		});
	},
};
