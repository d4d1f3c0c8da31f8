import type { ProviderName } from "../../format/target-file.ts";
import type { Provider } from "../contract.ts";

/** Loads each provider when needed. One without an entry is not available yet. */
export const providers: { readonly [Name in ProviderName]?: () => Promise<Provider<Name>> } = {
	mock: async () => (await import("./mock.ts")).mock,
	replay: async () => (await import("./replay.ts")).replay,
	cli: async () => (await import("./cli.ts")).cli,
	openai: async () => (await import("./openai.ts")).openai,
	azure: async () => (await import("./azure.ts")).azure,
	openrouter: async () => (await import("./openrouter.ts")).openrouter,
	anthropic: async () => (await import("./anthropic.ts")).anthropic,
	gemini: async () => (await import("./gemini.ts")).gemini,
	claude: async () => (await import("./claude.ts")).claude,
	codex: async () => (await import("./codex.ts")).codex,
	"copilot-cli": async () => (await import("./copilot.ts")).copilot,
	"pi-cli": async () => (await import("./pi.ts")).pi,
	acp: async () => (await import("./acp.ts")).acp,
};
