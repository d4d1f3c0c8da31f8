import { redactAddress } from "../base/address-secrets.ts";
import { interpolateEnv, type VariableUse } from "../base/interpolate.ts";
import { redactText } from "../base/redact.ts";
import { scanReferences } from "../base/scan-references.ts";
import { isSecretName } from "../base/secret-names.ts";
import type { Environment } from "../io/environment.ts";

const neutral = "\ue000";

/** Returns undefined if the template has no user part: `https://HERE@host/…`. */
function userPartOf(written: string): readonly [start: number, end: number] | undefined {
	let filled = "";
	let done = 0;
	for (const { range } of scanReferences(written)) {
		filled += written.slice(done, range[0]) + neutral.repeat(range[1] - range[0]);
		done = range[1];
	}
	const match = /^([^/?#@]*:\/\/)([^/?#]*)@/.exec(filled + written.slice(done));
	if (match?.[1] === undefined || match[2] === undefined) return undefined;
	return [match[1].length, match[1].length + match[2].length];
}

/**
 * Returns the environment for filling a URL template: values in its user part are percent-encoded,
 * so that a token can contain a slash or an `@`. Encoded values stay.
 */
export function urlEnvironment(written: string, env: Environment): Environment {
	const encoded: Record<string, string> = {};
	for (const name of namesInUserPart(written)) {
		const value = env[name];
		const isEncoded = value === undefined || (/%[0-9a-f]{2}/i.test(value) && !/[/?#@:\s]/.test(value));
		if (!isEncoded) encoded[name] = encodeURIComponent(value);
	}
	return { ...env, ...encoded };
}

function namesInUserPart(written: string): string[] {
	const span = userPartOf(written);
	return span ? usesOf(written).flatMap((use) => (isWithin(use, span) ? [use.name] : [])) : [];
}

function isWithin(use: VariableUse, [start, end]: readonly [number, number]): boolean {
	return use.range[0] >= start && use.range[1] <= end;
}

function usesOf(written: string): readonly VariableUse[] {
	return interpolateEnv(written, {}).uses;
}

/**
 * Returns a variable with a secret name outside the user part: its value would be visible in git's
 * configuration and the process list. A variable that is the whole URL can have any name.
 */
export function misplacedSecret(written: string): string | undefined {
	const span = userPartOf(written);
	return usesOf(written).find(
		(use) => isSecretName(use.name) && !use.whole && !(span !== undefined && isWithin(use, span)),
	)?.name;
}

/** Redacts literal secrets, also in defaults; variables stay. */
export function shownSource(written: string): string {
	return redactAddress(redactText(written));
}
