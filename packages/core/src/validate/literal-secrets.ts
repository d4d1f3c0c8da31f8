import type { DocumentPath } from "../lib/errors.ts";
import { findSecrets } from "../lib/redact.ts";
import { isSecretField, looksRandom } from "../lib/secret-shapes.ts";
import { scanReferences } from "../lib/template-text.ts";

export interface LiteralSecret {
	/** The setting that holds it. */
	readonly field: string;
	/** Where it stands in the value. */
	readonly path: DocumentPath;
}

/** The credentials that are written out in `value` (as written, `${{ }}` included). The secrets themselves are not told. */
export function* literalSecrets(value: unknown, path: DocumentPath = []): Generator<LiteralSecret> {
	if (typeof value === "object" && value !== null) {
		for (const [key, item] of Object.entries(value))
			yield* literalSecrets(item, [...path, Array.isArray(value) ? Number(key) : key]);
		return;
	}
	if (typeof value !== "string" || value.length < 8) return;
	const field = path.findLast((key) => typeof key === "string");
	if (typeof field === "string" && isWrittenOut(value, field)) yield { field, path };
}

function isWrittenOut(value: string, field: string): boolean {
	const isNamed = isSecretField(field);
	const references = scanReferences(value).filter(({ kind }) => kind === "reference");
	if (references.length === 0) return isNamed || findSecrets(value).length > 0;
	// What stands around the variables, and what they fall back to.
	let plain = "";
	let end = 0;
	for (const { range } of references) {
		plain += value.slice(end, range[0]);
		end = range[1];
	}
	plain += value.slice(end);
	const defaults = references.flatMap((one) => ("defaultText" in one && one.defaultText ? [one.defaultText] : []));
	return [plain, ...defaults].some(
		(text) => findSecrets(text).length > 0 || (isNamed && isLong(text) && looksRandom(text)),
	);
}

/** `not-needed` is what a local server takes for a key; nobody could call that a secret. */
function isLong(text: string): boolean {
	return text.length >= 16 && !/\s/.test(text);
}
