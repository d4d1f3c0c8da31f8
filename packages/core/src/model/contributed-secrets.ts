import { contributedSecrets } from "../base/address-secrets.ts";
import type { DocumentPath } from "../base/diagnostic.ts";
import type { Environment } from "../io/environment.ts";
import { child, type Source } from "./source.ts";

/** Fields of an eval that hold addresses which are asked; elsewhere an address is prose. */
const settings: ReadonlySet<unknown> = new Set(["target", "targets", "workspace", "repos", "env"]);

/** Returns what variables contribute to the users, queries and fragments of addresses in a targets file, or in an eval's settings. */
export function secretsOfAddresses(
	{ parts, variables }: Source,
	env: Environment,
	isSetting: (path: DocumentPath) => boolean = () => true,
): string[] {
	return variables.flatMap(({ name, state, at: { path = [], line } }) => {
		const value = env[name];
		const part = parts.find(({ at }) => at.line === line);
		if (state !== "set" || !value || !part || !isSetting(path)) return [];
		const text = child(part, ...path).value;
		return typeof text === "string" ? contributedSecrets(text, value) : [];
	});
}

/** The same of an eval's own files. */
export function secretsOfSettings(source: Source, env: Environment): string[] {
	return secretsOfAddresses(source, env, (path) => path.some((key) => settings.has(key)));
}
