import type { z } from "zod";
import { factsOfField, wireFieldsOf } from "../../format/codec.ts";
import type { Provider } from "../contract.ts";
import { acp } from "./acp.ts";
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { claude } from "./claude.ts";
import { cli } from "./cli.ts";
import { codex } from "./codex.ts";
import { copilot } from "./copilot.ts";
import { gemini } from "./gemini.ts";
import { mock, replay } from "./offline.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { pi } from "./pi.ts";

const list = [
	mock,
	replay,
	cli,
	openai,
	azure,
	openrouter,
	anthropic,
	gemini,
	claude,
	codex,
	copilot,
	pi,
	acp,
] as const;

type Listed = (typeof list)[number];
export type ProviderName = Listed["name"];
export type ProviderSettings<Name extends ProviderName> = z.output<Extract<Listed, { name: Name }>["settings"]>;

export const providers = Object.fromEntries(
	list.map((provider): [string, Provider] => [provider.name, provider]),
) as Readonly<Record<ProviderName, Provider>>;

export const providerAliases: ReadonlyMap<string, ProviderName> = new Map(
	list.flatMap(({ aliases = [], name }) => aliases.map((alias) => [alias, name])),
);

export const settingSpellings: readonly (readonly [current: string, deprecated: string])[] = list.flatMap(
	({ settings }) =>
		[...wireFieldsOf(settings)].flatMap(([key, field]): [string, string][] => {
			const { newer } = factsOfField(field);
			return newer === undefined ? [] : [[newer, key]];
		}),
);

export const vendorKeys: readonly string[] = [
	...list.flatMap((provider) => ("keys" in provider ? provider.keys : [])),
	// These vendors don't have a provider of their own.
	...["CURSOR_API_KEY", "DEEPSEEK_API_KEY", "FACTORY_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "XAI_API_KEY"],
];
