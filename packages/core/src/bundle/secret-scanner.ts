import { createHash } from "node:crypto";
import { findFileSecrets } from "../base/redact.ts";
import { isSecretName } from "../base/secret-names.ts";
import { isSearchable } from "../base/secret-shapes.ts";
import type { Environment } from "../io/environment.ts";

/** A secret found in a file. The secret itself is in no message. */
export interface SecretHit {
	readonly file: string;
	/** Where in the file, in bytes. */
	readonly offset: number;
	/** `the value of OPENAI_API_KEY`, `a GitHub token`. */
	readonly what: string;
	/** First hex digits of the SHA-256 of what was found, for `--allow-secret`. */
	readonly fingerprint: string;
}

const fingerprintLength = 12;
const mostHits = 50;
/** The longest key of a known form that is found across two windows. */
const longestKey = 1024;
/** In a later window the beginning is what the one before has looked at, and lacks what is before it. */
const before = 16;

/** Searches bytes for the values of secret-looking variables and for what is a secret by its form, as they are copied. */
export class SecretScanner {
	/** Windows of a large file must overlap by as many bytes. */
	readonly overlap: number;
	readonly #values: readonly { readonly bytes: Buffer; readonly what: string }[];
	readonly #allowed: readonly string[];
	readonly #found = new Map<string, SecretHit>();

	/** `allowed`: beginnings (at least 8 hex digits) of the SHA-256 of what is no secret. */
	constructor(env: Environment, allowed: readonly string[]) {
		this.#allowed = allowed.map((prefix) => prefix.toLowerCase());
		this.#values = Object.entries(env).flatMap(([name, value]) =>
			value !== undefined && isSecretName(name) && isSearchable(value)
				? [{ bytes: Buffer.from(value), what: `the value of ${name}` }]
				: [],
		);
		this.overlap = Math.max(longestKey, ...this.#values.map(({ bytes }) => bytes.length)) + before;
	}

	get hits(): readonly SecretHit[] {
		return [...this.#found.values()];
	}

	/** Looks through a window of a file; `offset` is where it begins there. */
	scan(file: string, bytes: Buffer, offset: number): void {
		for (const { bytes: value, what } of this.#values)
			for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1))
				this.#hit(file, offset + at, what, value);
		for (const { span, name } of findFileSecrets(bytes.toString("latin1"))) {
			const [start, end] = span;
			if (start < before && offset > 0) continue;
			this.#hit(file, offset + start, `${article(name)} ${name}`, bytes.subarray(start, end));
		}
	}

	#hit(file: string, offset: number, what: string, found: Buffer): void {
		const key = `${file}\0${offset}`;
		// What the end of a window cut is found again, whole, in the next one.
		const known = this.#found.get(key);
		if (known ? known.what.startsWith("the value") : this.#found.size >= mostHits) return;
		const digest = createHash("sha256").update(found).digest("hex");
		if (this.#allowed.some((prefix) => prefix.length >= 8 && digest.startsWith(prefix))) this.#found.delete(key);
		else this.#found.set(key, { file, offset, what, fingerprint: digest.slice(0, fingerprintLength) });
	}
}

function article(name: string): string {
	return /^[AEIOUx]/.test(name) ? "an" : "a";
}
