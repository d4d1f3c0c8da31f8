import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { keyOrProblem, modelProblem } from "../language-model/model-key.ts";

/** Google's Gemini API. */
export const gemini: Provider<"gemini"> = {
	provider: "gemini",
	create: ({ name, settings }, { env }) => {
		const baseURL = settings.baseUrl ?? settings.endpoint;
		const apiKey =
			settings.apiKey ?? (baseURL === undefined ? (env.GOOGLE_GENERATIVE_AI_API_KEY ?? env.GEMINI_API_KEY) : undefined);
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				(baseURL === undefined ? keyOrProblem(name, apiKey, "GOOGLE_GENERATIVE_AI_API_KEY") : undefined),
			open: async () => {
				const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
				return createGoogleGenerativeAI({
					apiKey: apiKey ?? "",
					...(baseURL === undefined ? {} : { baseURL }),
					...(settings.headers ? { headers: settings.headers } : {}),
				})(settings.model ?? "");
			},
		});
	},
};
