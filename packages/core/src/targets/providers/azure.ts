import type { Provider } from "../contract.ts";
import { languageModelTarget } from "../language-model/language-model-target.ts";
import { keyOrProblem, modelProblem } from "../language-model/model-key.ts";

/** Models deployed on Azure, by `resource_name` or `base_url`; `deployment` (or `model`) names the deployment. */
export const azure: Provider<"azure"> = {
	provider: "azure",
	create: ({ name, settings }, { env }) => {
		const given = settings.baseUrl ?? settings.endpoint;
		const resourceName = settings.resourceName ?? env.AZURE_RESOURCE_NAME;
		const apiKey = settings.apiKey ?? env.AZURE_OPENAI_API_KEY ?? env.AZURE_API_KEY;
		const deployment = settings.deployment ?? settings.model;
		const apiVersion = settings.apiVersion ?? settings.version;
		const place =
			given === undefined && !resourceName
				? {
						message: `target ${JSON.stringify(name)} says not which Azure resource`,
						hint: "give it `base_url` or `resource_name`",
					}
				: undefined;
		return languageModelTarget(settings, {
			problem: () => modelProblem(name, deployment) ?? place ?? keyOrProblem(name, apiKey, "AZURE_OPENAI_API_KEY"),
			open: async () => {
				const { createAzure } = await import("@ai-sdk/azure");
				const sdk = createAzure({
					apiKey: apiKey ?? "",
					...(given === undefined ? { resourceName: resourceName ?? "" } : { baseURL: openaiRoot(given) }),
					...(apiVersion ? { apiVersion } : {}),
					...(settings.headers ? { headers: settings.headers } : {}),
				});
				return settings.apiFormat === "chat" ? sdk.chat(deployment ?? "") : sdk.responses(deployment ?? "");
			},
		});
	},
};

/** The endpoint as the portal shows it (`https://x.openai.azure.com/`) → the root of its OpenAI paths. */
function openaiRoot(endpoint: string): string {
	const trimmed = endpoint.replace(/\/+$/, "");
	return /\/openai(\/|$)/.test(trimmed) ? trimmed : `${trimmed}/openai`;
}
