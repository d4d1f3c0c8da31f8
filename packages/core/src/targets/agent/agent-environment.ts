import type { Environment } from "../../io/environment.ts";

/** Variables in which users keep the keys of model vendors. */
const vendorKeys: ReadonlySet<string> = new Set([
	"ANTHROPIC_API_KEY",
	"ANTHROPIC_AUTH_TOKEN",
	"CLAUDE_CODE_OAUTH_TOKEN",
	"OPENAI_API_KEY",
	"CODEX_API_KEY",
	"AZURE_API_KEY",
	"AZURE_OPENAI_API_KEY",
	"OPENROUTER_API_KEY",
	"GEMINI_API_KEY",
	"GOOGLE_API_KEY",
	"GOOGLE_GENERATIVE_AI_API_KEY",
	"COPILOT_GITHUB_TOKEN",
	"CURSOR_API_KEY",
	"DEEPSEEK_API_KEY",
	"FACTORY_API_KEY",
	"GROQ_API_KEY",
	"MISTRAL_API_KEY",
	"XAI_API_KEY",
]);

/**
 * Returns what to remove from the environment of an agent's program (each name with `undefined`):
 * keys of other vendors, and variables with the key of another target, such as the grader's. The
 * program executes a model's output.
 */
export function withheldVariables(
	env: Environment,
	ownKeys: readonly string[] | "all",
	otherKeys: readonly string[],
): Readonly<Record<string, undefined>> {
	const others = new Set(otherKeys);
	const isForeign = (name: string) => ownKeys !== "all" && vendorKeys.has(name) && !ownKeys.includes(name);
	const names = Object.entries(env).flatMap(([name, value]) =>
		value !== undefined && (isForeign(name) || others.has(value)) ? [name] : [],
	);
	return Object.fromEntries(names.map((name) => [name, undefined]));
}
