import { readUpTo, withRegular } from "../io/files/open-regular.ts";
import type { SecretHit } from "./secret-scanner.ts";

/** `file:line: what [digits]` of every hit. `generated` holds the texts of files that are not in the source. */
export function locateSecrets(hits: readonly SecretHit[], generated: ReadonlyMap<string, string>): string[] {
	return hits.map(({ file, offset, what, fingerprint }) => {
		const text = generated.get(file);
		const bytes = text === undefined ? beginning(file, offset) : Buffer.from(text);
		const place = bytes === undefined ? `byte ${offset}` : lineAt(bytes, offset);
		return `${file}:${place}: ${what} [${fingerprint}]`;
	});
}

/** Undefined where it would be too long to count its lines. */
function beginning(file: string, length: number): Buffer | undefined {
	if (length > longestCounted) return undefined;
	return withRegular(file, ({ descriptor, stat }) => readUpTo(descriptor, Math.min(stat.size, length + 1)));
}

const longestCounted = 64 * 1024 * 1024;

function lineAt(bytes: Buffer, offset: number): number {
	let line = 1;
	for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) line += 1;
	return line;
}
