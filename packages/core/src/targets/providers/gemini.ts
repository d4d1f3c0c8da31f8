import { modelProvider, plainModelSettings, versioned } from "../language-model.ts";

export const gemini = modelProvider({
	name: "gemini",
	aliases: ["google"],
	runs: "Google's Gemini API",
	address: "https://generativelanguage.googleapis.com",
	keys: ["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"],
	recommendedKey: "GEMINI_API_KEY",
	settings: plainModelSettings,
	reasoning: (thinkingLevel) => ({ google: { thinkingConfig: { thinkingLevel } } }),
	open: async ({ model, address, sdk }) => {
		const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
		return createGoogleGenerativeAI({ ...sdk, baseURL: versioned(address, "v1beta") })(model);
	},
});
