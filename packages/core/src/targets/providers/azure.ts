import { postHttp } from "../../machine/http.ts";
import type { Provider } from "../contract.ts";
import { addressProblem, keyProblem, languageModelTarget, modelProblem } from "../language-model.ts";

/** Uses `resource_name` or `base_url`; `deployment` (or `model`) is the deployment. */
export const azure: Provider<"azure"> = {
	provider: "azure",
	create: ({ name, settings }, { env }) => {
		const given = settings.baseUrl || settings.endpoint || undefined;
		const resource = settings.resourceName ?? env.AZURE_RESOURCE_NAME;
		const apiKey = settings.apiKey ?? env.AZURE_OPENAI_API_KEY ?? env.AZURE_API_KEY;
		const deployment = settings.deployment ?? settings.model;
		const apiVersion = settings.apiVersion ?? settings.version;
		// Date versions belong to the older paths, which contain the deployment and support chat
		// completions.
		const dated = apiVersion !== undefined && /^\d{4}-/.test(apiVersion);
		const { reasoningEffort } = settings;
		const place =
			given === undefined && !resource
				? {
						message: `target ${JSON.stringify(name)} does not specify the Azure resource`,
						hint: "add `base_url` or `resource_name`",
					}
				: addressProblem(name, given);
		return languageModelTarget(settings, {
			problem: () => modelProblem(name, deployment) ?? place ?? keyProblem(name, apiKey, "AZURE_OPENAI_API_KEY"),
			...(reasoningEffort === undefined ? {} : { options: { openai: { reasoningEffort } } }),
			open: async () => {
				const { createAzure } = await import("@ai-sdk/azure");
				const root = openaiRoot(given ?? `https://${resource}.openai.azure.com`);
				const sdk = createAzure({
					fetch: postHttp,
					apiKey: apiKey ?? "",
					// The newest paths need no version.
					baseURL: apiVersion === undefined ? `${root}/v1` : root,
					...(apiVersion === undefined ? {} : { apiVersion, useDeploymentBasedUrls: dated }),
					...(settings.headers ? { headers: settings.headers } : {}),
				});
				const format = settings.apiFormat ?? (dated ? "chat" : "responses");
				return format === "chat" ? sdk.chat(deployment ?? "") : sdk.responses(deployment ?? "");
			},
		});
	},
};

/** Accepts the endpoint as the portal shows it (`https://x.openai.azure.com/`). */
function openaiRoot(endpoint: string): string {
	const trimmed = endpoint.replace(/(?<!\/)\/+$/, "").replace(/\/openai\/v1$/, "/openai");
	return trimmed.endsWith("/openai") ? trimmed : `${trimmed}/openai`;
}
