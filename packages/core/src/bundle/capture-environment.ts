import { scanReferences } from "../base/scan-references.ts";
import { isSecretName } from "../base/secrets.ts";
import type { Environment } from "../io/environment.ts";
import { isRecord } from "./raw-values.ts";

/** Whether `--capture-env` may write the value of a variable into a bundle. */
export function isCapturable(name: string, value: string | undefined): value is string {
	if (value === undefined || value === "") return false;
	if (isSecretName(name) && value.length >= 8) return false;
	return !/[\r\n]/.test(value) && !value.includes("}}") && value === value.trim();
}

/** `value` with today's values as the defaults of its `${{ VAR }}` references, in every string. */
export function captureEnvironment(value: unknown, env: Environment): unknown {
	if (typeof value === "string") return value.includes("${{") ? captureText(value, env) : value;
	if (Array.isArray(value)) return value.map((item) => captureEnvironment(item, env));
	if (!isRecord(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, captureEnvironment(item, env)]));
}

function captureText(text: string, env: Environment): string {
	let result = "";
	let done = 0;
	for (const token of scanReferences(text)) {
		if (token.kind !== "reference") continue;
		const today = env[token.name];
		if (!isCapturable(token.name, today)) continue;
		result += `${text.slice(done, token.range[0])}\${{ ${token.name}:-${today} }}`;
		done = token.range[1];
	}
	return result + text.slice(done);
}
