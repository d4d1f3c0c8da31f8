import { createHash } from "node:crypto";
import { findFileSecrets } from "../lib/redact.ts";
import { isSearchable, isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { readUpTo, withRegular } from "../machine/read-file.ts";

/** Messages never contain the secret. */
interface SecretHit {
	readonly file: string;
	/** In bytes. */
	readonly offset: number;
	/** For example `the value of OPENAI_API_KEY`, `a GitHub token`. */
	readonly what: string;
	/** First hex digits of its SHA-256, for `--allow-secret`. */
	readonly fingerprint: string;
}

const fingerprintLength = 12;
const maxHits = 50;
/** In bytes: windows overlap by this much, so that a shorter key is found across two of them. */
const maxKeyBytes = 1024;
/** Bytes at the start of a later window that were already searched, and lack their context. */
const before = 16;

/** Searches copied bytes for values of secret variables and for known forms of secrets. */
export class SecretScanner {
	/** In bytes, between windows of a large file. */
	readonly overlap: number;
	readonly #values: readonly { readonly bytes: Buffer; readonly what: string }[];
	readonly #allowed: readonly string[];
	readonly #found = new Map<string, SecretHit>();

	/** @param allowed SHA-256 prefixes (at least 8 hex digits) of non-secrets */
	constructor(env: Environment, allowed: readonly string[]) {
		this.#allowed = allowed.map((prefix) => prefix.toLowerCase());
		this.#values = Object.entries(env).flatMap(([name, value]) =>
			value !== undefined && isSecretName(name) && isSearchable(value)
				? [{ bytes: Buffer.from(value), what: `the value of ${name}` }]
				: [],
		);
		this.overlap = Math.max(maxKeyBytes, ...this.#values.map(({ bytes }) => bytes.length)) + before;
	}

	get hits(): readonly SecretHit[] {
		return [...this.#found.values()];
	}

	scan(file: string, bytes: Buffer, offset: number): void {
		for (const { bytes: value, what } of this.#values)
			for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1))
				this.#hit(file, offset + at, what, value);
		for (const { span, name } of findFileSecrets(bytes.toString("latin1"))) {
			const [start, end] = span;
			if (start < before && offset > 0) continue;
			this.#hit(file, offset + start, `${/^[AEIOUx]/.test(name) ? "an" : "a"} ${name}`, bytes.subarray(start, end));
		}
	}

	#hit(file: string, offset: number, what: string, match: Buffer): void {
		const key = `${file}\0${offset}`;
		// A match that the window's end truncated is found again in the next one.
		const known = this.#found.get(key);
		if (known ? known.what.startsWith("the value") : this.#found.size >= maxHits) return;
		const digest = createHash("sha256").update(match).digest("hex");
		if (this.#allowed.some((prefix) => prefix.length >= 8 && digest.startsWith(prefix))) this.#found.delete(key);
		else this.#found.set(key, { file, offset, what, fingerprint: digest.slice(0, fingerprintLength) });
	}
}

/** Lines are counted only up to this offset. */
const maxCountedBytes = 64 * 1024 * 1024;

/** For example `file:line: what [digits]`. @param generated texts that are not in the source */
export function locateSecrets(hits: readonly SecretHit[], generated: ReadonlyMap<string, string>): string[] {
	return hits.map(({ file, offset, what, fingerprint }) => {
		const text = generated.get(file);
		const bytes = text === undefined ? beginning(file, offset) : Buffer.from(text).subarray(0, offset);
		const line = bytes?.reduce((count, byte) => (byte === 10 ? count + 1 : count), 1);
		return `${file}:${line ?? `byte ${offset}`}: ${what} [${fingerprint}]`;
	});
}

function beginning(file: string, length: number): Buffer | undefined {
	if (length > maxCountedBytes) return undefined;
	return withRegular(file, ({ descriptor, stat }) => readUpTo(descriptor, Math.min(stat.size, length)));
}
