import { postHttp } from "../../machine/http.ts";
import type { Provider } from "../contract.ts";
import {
	addressProblem,
	keyProblem,
	languageModelTarget,
	modelAddress,
	modelProblem,
	versioned,
} from "../language-model.ts";

const vendorAddress = "https://generativelanguage.googleapis.com";

export const gemini: Provider<"gemini"> = {
	provider: "gemini",
	create: ({ name, settings }, { env }) => {
		const vendorKey = env.GOOGLE_GENERATIVE_AI_API_KEY ?? env.GEMINI_API_KEY ?? env.GOOGLE_API_KEY;
		const { given, apiKey } = modelAddress(settings, vendorKey);
		const { reasoningEffort } = settings;
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				addressProblem(name, given) ??
				(given === undefined ? keyProblem(name, apiKey, "GEMINI_API_KEY") : undefined),
			...(reasoningEffort === undefined
				? {}
				: { options: { google: { thinkingConfig: { thinkingLevel: reasoningEffort } } } }),
			open: async () => {
				const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
				return createGoogleGenerativeAI({
					fetch: postHttp,
					apiKey: apiKey ?? "",
					baseURL: versioned(given ?? vendorAddress, "v1beta"),
					...(settings.headers ? { headers: settings.headers } : {}),
				})(settings.model ?? "");
			},
		});
	},
};
