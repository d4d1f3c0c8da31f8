import { postHttp } from "../../io/post-http.ts";
import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { modelAddress, versioned } from "../language-model/model-address.ts";
import { addressProblem, keyProblem, modelProblem } from "../language-model/model-key.ts";

/** The SDK would otherwise read an address from the process's environment. */
const vendorAddress = "https://api.anthropic.com";

export const anthropic: Provider<"anthropic"> = {
	provider: "anthropic",
	create: ({ name, settings }, { env }) => {
		const { given, apiKey } = modelAddress(settings, env.ANTHROPIC_API_KEY);
		const { reasoningEffort } = settings;
		return languageModelTarget(settings, {
			problem: () =>
				modelProblem(name, settings.model) ??
				addressProblem(name, given) ??
				(given === undefined ? keyProblem(name, apiKey, "ANTHROPIC_API_KEY") : undefined),
			...(reasoningEffort === undefined ? {} : { options: { anthropic: { effort: reasoningEffort } } }),
			open: async () => {
				const { createAnthropic } = await import("@ai-sdk/anthropic");
				return createAnthropic({
					fetch: postHttp,
					apiKey: apiKey ?? "",
					baseURL: versioned(given ?? vendorAddress, "v1"),
					...(settings.headers ? { headers: settings.headers } : {}),
				})(settings.model ?? "");
			},
		});
	},
};
