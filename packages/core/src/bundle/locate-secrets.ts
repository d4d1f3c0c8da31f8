import { readBytes } from "../io/files/read-text.ts";
import type { SecretHit } from "./secret-scanner.ts";

/** `file:line: what [digits]` of every hit. `generated` holds the texts of files that are not in the source. */
export function locateSecrets(hits: readonly SecretHit[], generated: ReadonlyMap<string, string>): string[] {
	return hits.map(({ file, offset, what, fingerprint }) => {
		const text = generated.get(file);
		const bytes = text === undefined ? readBytes(file, { maxBytes: Number.POSITIVE_INFINITY }) : Buffer.from(text);
		return `${file}:${lineAt(bytes, offset)}: ${what} [${fingerprint}]`;
	});
}

function lineAt(bytes: Buffer, offset: number): number {
	let line = 1;
	for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) line += 1;
	return line;
}
