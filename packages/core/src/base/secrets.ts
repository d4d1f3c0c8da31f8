import type { Variables } from "./interpolate.ts";

const secretParts = new Set([
	"KEY",
	"APIKEY",
	"TOKEN",
	"SECRET",
	"PASSWORD",
	"PASSWD",
	"CREDENTIAL",
	"CREDENTIALS",
	"PRIVATE",
]);

/** Shorter values are words and numbers: masking them would riddle every text. */
const shortestSecret = 8;

/** What a secret is replaced by. */
export const mask = "***";

/** Whether a variable (or setting, or header) of this name holds a secret: `GITHUB_TOKEN`, `api_key`; not `max_tokens`. */
export function isSecretName(name: string): boolean {
	return name.split(/[_-]/).some((part) => secretParts.has(part.toUpperCase()));
}

/** The values in `variables` that must not be shown: of secret-looking names, at least 8 characters long. */
export function secretValues(variables: Variables): string[] {
	return Object.entries(variables).flatMap(([name, value]) =>
		value !== undefined && value.length >= shortestSecret && isSecretName(name) ? [value] : [],
	);
}

/** Replaces every secret in a text by `***`. */
export type Masker = (text: string) => string;

/**
 * A function that takes secrets out of texts.
 * @param secrets an environment, of which the secret-looking variables count, or the values themselves
 */
export function createMasker(secrets: Variables | readonly string[]): Masker {
	const values = Array.isArray(secrets) ? (secrets as readonly string[]) : secretValues(secrets as Variables);
	const needles = [...new Set(values.flatMap(spellings))];
	return needles.length === 0 ? unmasked : (text) => maskAll(text, needles);
}

/** Where there are no secrets, texts stay as they are and values need no walk. */
const unmasked: Masker = (text) => text;

/** `value` with every string below it (keys too) masked; the same object where nothing changes. */
export function maskDeep<T>(value: T, masker: Masker): T {
	return masker === unmasked ? value : (visit(value, masker) as T);
}

/** The ways one secret turns up in texts: as it is, inside JSON, inside a URL, and line by line (a PEM key). */
function spellings(secret: string): string[] {
	if (secret.length < shortestSecret) return [];
	const lines = secret.split(/\r?\n/).filter((line) => line.length >= 2 * shortestSecret && !line.startsWith("-----"));
	return [secret, JSON.stringify(secret).slice(1, -1), urlEncoded(secret), ...lines];
}

function maskAll(text: string, needles: readonly string[]): string {
	const found: [start: number, end: number][] = [];
	for (const needle of needles) {
		for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + 1))
			found.push([at, at + needle.length]);
	}
	if (found.length === 0) return text;
	// Secrets may overlap in the text: replacing them one after the other would leave the rest of the second.
	found.sort((a, b) => a[0] - b[0]);
	let result = "";
	let done = 0;
	for (const [start, end] of found) {
		if (start >= done) result += text.slice(done, start) + mask;
		done = Math.max(done, end);
	}
	return result + text.slice(done);
}

function visit(value: unknown, masker: Masker): unknown {
	if (typeof value === "string") return masker(value);
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) {
		const items = value.map((item) => visit(item, masker));
		return items.some((item, index) => item !== value[index]) ? items : value;
	}
	const entries = Object.entries(value);
	const masked = entries.map(([key, item]) => [masker(key), visit(item, masker)] as const);
	const same = masked.every(([key, item], index) => key === entries[index]?.[0] && item === entries[index]?.[1]);
	return same ? value : Object.fromEntries(masked);
}

function urlEncoded(secret: string): string {
	// A lone surrogate has no URL spelling and would throw.
	return encodeURIComponent(secret.replace(/\p{Surrogate}/gu, "\ufffd"));
}
