import { createHash } from "node:crypto";
import { isSecretName } from "../base/secrets.ts";
import type { Environment } from "../io/environment.ts";
import { type TokenShape, tokenReach, tokenShapes } from "./token-shapes.ts";

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

interface Anchor {
	readonly bytes: Buffer;
	readonly shapes: readonly TokenShape[];
	/** 1 for bytes that may stand before it; undefined: any. */
	readonly before: Uint8Array | undefined;
}

const shortestValue = 8;
const fingerprintLength = 12;
const mostHits = 50;

/** Searches bytes for the values of secret-looking variables and for well-known token shapes, as they are copied. */
export class SecretScanner {
	readonly hits: SecretHit[] = [];
	/** Windows of a large file must overlap by as many bytes. */
	readonly overlap: number;
	readonly #values: readonly { readonly bytes: Buffer; readonly what: string }[];
	readonly #anchors: readonly Anchor[];
	readonly #allowed: readonly string[];
	readonly #seen = new Set<string>();

	/** `allowed`: beginnings (at least 8 hex digits) of the SHA-256 of what is no secret. */
	constructor(env: Environment, allowed: readonly string[]) {
		this.#allowed = allowed.map((prefix) => prefix.toLowerCase());
		this.#values = Object.entries(env).flatMap(([name, value]) =>
			value !== undefined && value.length >= shortestValue && isSecretName(name)
				? [{ bytes: Buffer.from(value), what: `the value of ${name}` }]
				: [],
		);
		this.#anchors = anchorsOf(tokenShapes);
		const longest = Math.max(0, ...this.#values.map(({ bytes }) => bytes.length));
		this.overlap = Math.max(longest, tokenReach.back + tokenReach.ahead) + 1;
	}

	/** Looks through a window of a file; `offset` is where it begins there. */
	scan(file: string, bytes: Buffer, offset: number): void {
		for (const { bytes: value, what } of this.#values)
			for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1))
				this.#hit(file, offset + at, what, value);
		for (const anchor of this.#anchors) this.#scanAnchor(file, bytes, offset, anchor);
	}

	#scanAnchor(file: string, bytes: Buffer, offset: number, { bytes: needle, shapes, before }: Anchor): void {
		const single = needle.length === 1 ? (needle[0] as number) : needle;
		for (let at = bytes.indexOf(single); at !== -1; at = bytes.indexOf(single, at + 1)) {
			if (before && (at === 0 || before[bytes[at - 1] as number] === 0)) continue;
			const from = Math.max(0, at - tokenReach.back);
			const text = bytes.toString("latin1", from, at + tokenReach.ahead);
			for (const { pattern, name } of shapes) {
				const match = pattern.exec(text);
				if (match && from + match.index <= at)
					this.#hit(file, offset + from + match.index, `${article(name)} ${name}`, Buffer.from(match[0], "latin1"));
			}
		}
	}

	#hit(file: string, offset: number, what: string, found: Buffer): void {
		const key = `${file}\0${offset}`;
		if (this.#seen.has(key) || this.hits.length >= mostHits) return;
		const digest = createHash("sha256").update(found).digest("hex");
		if (this.#allowed.some((prefix) => prefix.length >= 8 && digest.startsWith(prefix))) return;
		this.#seen.add(key);
		this.hits.push({ file, offset, what, fingerprint: digest.slice(0, fingerprintLength) });
	}
}

function article(name: string): string {
	return /^[AEIOU]/.test(name) ? "an" : "a";
}

function anchorsOf(shapes: readonly TokenShape[]): Anchor[] {
	return [...new Set(shapes.map(({ anchor }) => anchor))].map((anchor) => {
		const own = shapes.filter((shape) => shape.anchor === anchor);
		let before: Uint8Array | undefined;
		if (own.every((shape) => shape.before !== "")) {
			before = new Uint8Array(256);
			for (const shape of own) for (const character of shape.before) before[character.charCodeAt(0)] = 1;
		}
		return { bytes: Buffer.from(anchor), shapes: own, before };
	});
}
