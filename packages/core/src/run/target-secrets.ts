import { isSecretName } from "../base/secrets.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";

const shortestSecret = 8;

/** Whatever targets carry under a secret-looking key, or as a header: from wherever it came, it must not be shown. */
export function targetSecrets(targets: readonly ResolvedTarget[]): string[] {
	const found: string[] = [];
	for (const { wire } of targets) collect(wire, false, found);
	return found.filter((value) => value.length >= shortestSecret);
}

function collect(value: unknown, secret: boolean, found: string[]): void {
	if (typeof value === "string") {
		if (!secret) return;
		found.push(value);
		// "Bearer <token>": the token alone is as secret.
		const token = /^\S+\s+(\S+)$/.exec(value)?.[1];
		if (token !== undefined) found.push(token);
	} else if (typeof value === "object" && value !== null) {
		for (const [key, item] of Object.entries(value))
			collect(item, secret || key === "headers" || isSecretName(key), found);
	}
}
