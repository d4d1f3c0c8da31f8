import { wireObject } from "../../format/codec.ts";
import { modelProvider, settingsWithout } from "../language-model.ts";

export const azure = modelProvider({
	name: "azure",
	runs: "a deployment on Azure",
	needs: "`deployment`, `base_url` or `resource_name`, `api_key`",
	address: "https://openai.azure.com",
	resourceVariable: "AZURE_RESOURCE_NAME",
	keys: ["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
	settings: wireObject(settingsWithout()),
	reasoning: (reasoningEffort) => ({ openai: { reasoningEffort } }),
	open: async ({ settings, model, address, sdk }) => {
		const { createAzure } = await import("@ai-sdk/azure");
		const apiVersion = settings.apiVersion ?? settings.version;
		// Date versions belong to the older paths, which contain the deployment.
		const isDated = apiVersion !== undefined && /^\d{4}-/.test(apiVersion);
		const root = openaiRoot(address);
		const vendor = createAzure({
			...sdk,
			// The newest paths need no version.
			baseURL: apiVersion === undefined ? `${root}/v1` : root,
			...(apiVersion === undefined ? {} : { apiVersion, useDeploymentBasedUrls: isDated }),
		});
		const format = settings.apiFormat ?? (isDated ? "chat" : "responses");
		return format === "chat" ? vendor.chat(model) : vendor.responses(model);
	},
});

/** Accepts the endpoint as the portal shows it (`https://x.openai.azure.com/`). */
function openaiRoot(endpoint: string): string {
	const trimmed = endpoint.replace(/(?<!\/)\/+$/, "").replace(/\/openai\/v1$/, "/openai");
	return trimmed.endsWith("/openai") ? trimmed : `${trimmed}/openai`;
}
