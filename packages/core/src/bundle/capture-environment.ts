import { redactAddress } from "../base/address-secrets.ts";
import { createRedactor, redactText, secretsOf } from "../base/redact.ts";
import { scanReferences } from "../base/scan-references.ts";
import { isSecretField, isSecretName } from "../base/secret-names.ts";
import type { Environment } from "../io/environment.ts";
import { isRecord } from "./raw-values.ts";

/**
 * Returns the variables that `--capture-env` writes into a bundle: those that its files name, without secrets and what a default can't hold.
 * A variable is a secret by its name, by its value, and by each place that uses it: under `api_key`, a header, the user part of a URL.
 */
export function capturedVariables(files: ReadonlyMap<string, unknown>, env: Environment): Environment {
	const uses = new Map<string, boolean>();
	for (const value of files.values()) collectUses(value, false, uses);
	const secret = [...uses].flatMap(([name, isSecret]) => (isSecret ? (env[name] ?? []) : []));
	const redact = createRedactor([...secretsOf(env), ...secret]);
	const isCapturable = (name: string, value: string | undefined): value is string =>
		value !== undefined &&
		value !== "" &&
		uses.get(name) === false &&
		redact(value) === value &&
		!/[\r\n]/.test(value) &&
		!value.includes("}}") &&
		value === value.trim();
	return Object.fromEntries(
		[...uses.keys()].flatMap((name) => {
			const value = Object.hasOwn(env, name) ? env[name] : undefined;
			return isCapturable(name, value) ? [[name, value]] : [];
		}),
	);
}

/** Notes of each variable whether any place of it is one for secrets. */
function collectUses(value: unknown, isSecret: boolean, uses: Map<string, boolean>): void {
	if (typeof value === "string") {
		if (value.includes("${{")) noteUses(value, isSecret, uses);
	} else if (Array.isArray(value)) for (const item of value) collectUses(item, isSecret, uses);
	else if (isRecord(value))
		for (const [key, item] of Object.entries(value)) collectUses(item, isSecret || isSecretField(key), uses);
}

function noteUses(text: string, isSecret: boolean, uses: Map<string, boolean>): void {
	const tokens = scanReferences(text).filter((token) => token.kind === "reference");
	let filled = "";
	let done = 0;
	for (const [index, { range }] of tokens.entries()) {
		filled += `${text.slice(done, range[0])}${standIn(index)}`;
		done = range[1];
	}
	const shown = redactAddress(redactText(filled + text.slice(done)));
	for (const [index, { name }] of tokens.entries())
		uses.set(name, uses.get(name) || isSecret || isSecretName(name) || !shown.includes(standIn(index)));
}

/** A value that is redacted wherever a secret would be. */
function standIn(index: number): string {
	return `Zq${index}x7Kd2Lm4Vt`;
}

/** `value` with what the captured variables are today as the defaults of its `${{ VAR }}` references, in every string. */
export function captureEnvironment(value: unknown, captured: Environment): unknown {
	if (typeof value === "string") return value.includes("${{") ? captureText(value, captured) : value;
	if (Array.isArray(value)) return value.map((item) => captureEnvironment(item, captured));
	if (!isRecord(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, captureEnvironment(item, captured)]));
}

function captureText(text: string, captured: Environment): string {
	let result = "";
	let done = 0;
	for (const token of scanReferences(text)) {
		if (token.kind !== "reference") continue;
		const today = captured[token.name];
		if (today === undefined) continue;
		result += `${text.slice(done, token.range[0])}\${{ ${token.name}:-${today} }}`;
		done = token.range[1];
	}
	return result + text.slice(done);
}
