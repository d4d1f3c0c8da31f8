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
