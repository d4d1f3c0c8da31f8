import { contributedSecrets } from "../base/address-secrets.ts";
import type { DocumentPath } from "../base/diagnostic.ts";
import { isSecretBelow } from "../base/secret-names.ts";
import { isSearchable } from "../base/secret-shapes.ts";
import type { Environment } from "../io/environment.ts";
import { child, type Source } from "./source.ts";

/** Fields of an eval with text for models or people: addresses in them are not contacted. */
const prose: ReadonlySet<unknown> = new Set(["input", "expected_output", "description", "criteria", "prompt", "name"]);

/** Finds secrets by their use: in secret fields, and in parts of URLs. */
export function secretsByUse({ parts, variables }: Source, env: Environment): string[] {
	return variables.flatMap(({ name, state, at: { path = [], line } }) => {
		const value = env[name];
		const part = parts.find(({ at }) => at.line === line);
		if (state !== "set" || !value || !part) return [];
		if (isSecretPath(path)) return [value].filter(isSearchable);
		const text = child(part, ...path).value;
		if (typeof text !== "string") return [];
		return contributedSecrets(text, value, path.some((key) => prose.has(key)) ? "prose" : "setting");
	});
}

function isSecretPath(path: DocumentPath): boolean {
	let isSecret = false;
	for (const key of path) if (typeof key === "string") isSecret = isSecretBelow(key, isSecret);
	return isSecret;
}
