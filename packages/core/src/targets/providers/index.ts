import type { ProviderName } from "../../schema/target-file.ts";
import type { Provider } from "../contract.ts";

/** How each provider is loaded: only when a used target needs it. A provider of the schema without an entry is not available yet. */
export const providers: { readonly [Name in ProviderName]?: () => Promise<Provider<Name>> } = {
	mock: async () => (await import("./mock.ts")).mock,
	replay: async () => (await import("./replay.ts")).replay,
	cli: async () => (await import("./cli.ts")).cli,
};
