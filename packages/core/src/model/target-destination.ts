import { isSecretName } from "../base/secret-names.ts";
import type { Environment } from "../io/environment.ts";
import type { ProviderName } from "../schema/target-file.ts";
import type { TargetScope } from "./load-targets.ts";
import { type ResolvedTarget, variablesAt } from "./resolve-target.ts";
import { child } from "./source.ts";

/** Where a target sends what it is asked, and which secrets go with it. */
export interface TargetDestination {
	/** `api.openai.com`, `localhost:8080`; undefined for targets that are programs of this machine, which send what they like. */
	readonly host: string | undefined;
	/** Names of the variables whose values it gets as key or header. */
	readonly keys: readonly { readonly name: string; readonly set: boolean }[];
	/** A key or header stands in the file itself. */
	readonly literalKey: boolean;
	/** It is a program that inherits the whole environment. */
	readonly inheritsEnvironment: boolean;
}

const usual: { readonly [Name in ProviderName]?: { readonly host: string; readonly keys: readonly string[] } } = {
	openai: { host: "api.openai.com", keys: ["OPENAI_API_KEY"] },
	anthropic: { host: "api.anthropic.com", keys: ["ANTHROPIC_API_KEY"] },
	gemini: { host: "generativelanguage.googleapis.com", keys: ["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"] },
	openrouter: { host: "openrouter.ai", keys: ["OPENROUTER_API_KEY"] },
	azure: { host: "openai.azure.com", keys: ["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"] },
};

type Sources = Pick<TargetScope, "sources">;

/**
 * What a user should know before `target` is called: hosts, and keys by name, never their values.
 * @param scope the files that its settings stand in: target files, and the eval's own where a target is written there
 */
export function targetDestination(target: ResolvedTarget, scope: Sources, env: Environment): TargetDestination {
	const { wire } = target;
	const known = usual[target.provider];
	const address = wire.base_url || wire.endpoint || undefined;
	const written = secretSettings(wire);
	const names = written.flatMap((key) => variablesOf(target, key, scope));
	const literal = written.some((key) => isLiteral(target, key, scope));
	// Without a key of its own a hosted model takes the usual variable, but never to another server (azure's is always another).
	const byHabit = written.length === 0 && known && (typeof address !== "string" || target.provider === "azure");
	const used = byHabit ? known.keys.filter((name) => env[name]).slice(0, 1) : [];
	const keys = byHabit && used.length === 0 ? known.keys.slice(0, 1) : used;
	const resource = wire.resource_name ?? env.AZURE_RESOURCE_NAME;
	const usualHost =
		typeof resource === "string" && target.provider === "azure" ? `${resource}.${known?.host}` : known?.host;
	return {
		host: typeof address === "string" ? hostOf(address) : usualHost,
		keys: [...new Set([...names, ...keys])].map((name) => ({ name, set: Boolean(env[name]) })),
		literalKey: literal,
		inheritsEnvironment: !known && target.provider !== "mock" && target.provider !== "replay",
	};
}

/** Keys of the settings that hold a secret, as paths: `api_key`, `headers` and what is called like a secret. */
function secretSettings(wire: Readonly<Record<string, unknown>>): string[][] {
	return Object.entries(wire).flatMap(([key, value]) => {
		if (key === "headers" && typeof value === "object" && value !== null)
			return Object.keys(value).map((header) => ["headers", header]);
		return isSecretName(key) && typeof value === "string" ? [[key]] : [];
	});
}

function variablesOf(target: ResolvedTarget, [key = "", ...rest]: readonly string[], scope: Sources): string[] {
	const layer = target.origin.get(key);
	return layer ? variablesAt(child(layer.part, key, ...rest).at, scope).map(({ name }) => name) : [];
}

function isLiteral(target: ResolvedTarget, path: readonly string[], scope: Sources): boolean {
	const isKey = path[0] !== "headers" || isSecretName(path[1] ?? "") || /^authorization$/i.test(path[1] ?? "");
	return isKey && variablesOf(target, path, scope).length === 0;
}

function hostOf(address: string): string | undefined {
	return URL.canParse(address) ? new URL(address).host : undefined;
}
