import { isSecretName } from "../base/secret-names.ts";
import type { Environment } from "../io/environment.ts";
import type { ProviderName } from "../schema/target-file.ts";
import type { TargetScope } from "./load-targets.ts";
import { type ResolvedTarget, variablesAt } from "./resolve-target.ts";
import { child } from "./source.ts";

/** Where a target sends requests, and which secrets it sends. */
export interface TargetDestination {
	/** `api.openai.com`, `localhost:8080`; undefined for local programs. */
	readonly host: string | undefined;
	/** Names of the variables that are sent as key or header. */
	readonly keys: readonly { readonly name: string; readonly set: boolean }[];
	/** Whether a key or header is written in the file itself. */
	readonly literalKey: boolean;
	/** Whether it is a program that inherits the whole environment. */
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
 * Returns what a user should know before `target` is called: hosts, and keys by name, never their
 * values.
 * @param scope the files with its settings: target files, and the eval's own if the target is
 * inline
 */
export function targetDestination(target: ResolvedTarget, scope: Sources, env: Environment): TargetDestination {
	const { wire } = target;
	const known = usual[target.provider];
	const address = wire.base_url || wire.endpoint || undefined;
	const written = secretSettings(wire);
	const names = written.flatMap((key) => variablesOf(target, key, scope));
	const literal = written.some((key) => isLiteral(target, key, scope));
	// Without a key, a hosted model uses its usual variable, but never for another server (azure's is
	// always another).
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

/** Returns the paths of settings that are secret: `api_key`, `headers` and secret names. */
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
