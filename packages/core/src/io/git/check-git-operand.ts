import { AgentvError } from "../../base/agentv-error.ts";
import { redactText } from "../../base/redact.ts";

const refusals: readonly (readonly [RegExp, string])[] = [
	[/^$/, "is empty"],
	[/^-/, 'begins with "-"'],
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
	[/[\x00-\x1f\x7f]/, "contains a control character"],
	[/^[a-z0-9+.-]+::/i, "names another transport"],
];

/**
 * Rejects a URL or ref that git could take for an option or for a program to run: a leading `-`,
 * control characters, `ext::…`.
 * @throws AgentvError `config`
 */
export function checkGitOperand(operand: string): void {
	const refusal = refusals.find(([pattern]) => pattern.test(operand));
	if (!refusal) return;
	const shown = JSON.stringify(redactText(operand.slice(0, 200)));
	throw new AgentvError("config", `a git URL or ref ${refusal[1]}: ${shown}`);
}
