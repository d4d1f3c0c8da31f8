import { createHash, hash } from "node:crypto";
import { readSync } from "node:fs";
import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { type ListOptions, listTree } from "./list-tree.ts";
import { withRegular } from "./open-regular.ts";
import { readRegularChunks } from "./read-regular.ts";
import { largestHashed, largestTree, refuseTooLarge } from "./size-limits.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface DigestEntry {
	/** Relative to the root, `/` between components. */
	readonly path: string;
	/** Bytes; the length of its text for a link. */
	readonly size: number;
	readonly mode: "644" | "755" | "link";
	/** Set for a setuid, setgid or sticky file. */
	readonly isSpecial?: true;
	/** Hexadecimal SHA-256 of the content; of its text for a link. */
	readonly sha256: string;
}

/** Largest file, in bytes, that is hashed without yielding to other work. */
export const largestDigested = 4 * 1024 ** 3;
const chunkSize = 1024 * 1024;
let shared: Buffer | undefined;

/**
 * Returns the hexadecimal SHA-256 of a file, read in chunks.
 * @throws AgentvError `config` if it has more than `maxBytes`: hashing blocks all other work
 */
export function digestFile(path: string, maxBytes?: number): string {
	return createDigest(path, maxBytes).hex();
}

/** Returns the hexadecimal SHA-256 of a text (as UTF-8) or of bytes. */
export function digestText(content: string | Uint8Array): string {
	return hash("sha256", content, "hex");
}

/** Returns a SHA-256 for incremental updates, starting with the content of `file`. */
export function createDigest(file?: string, maxBytes = largestDigested): { update(text: string): void; hex(): string } {
	const hash = createHash("sha256");
	if (file !== undefined) {
		shared ??= Buffer.allocUnsafe(chunkSize);
		const buffer = shared;
		withRegular(file, ({ descriptor, stat }) => {
			if (stat.size > maxBytes)
				throw new AgentvError("config", `${file} has ${stat.size} bytes, more than the ${maxBytes} allowed`);
			for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer))
				hash.update(buffer.subarray(0, length));
		});
	}
	return { update: (text) => void hash.update(text), hex: () => hash.digest("hex") };
}

/**
 * Returns digests of all files and links below `root`, in byte order of their paths; empty
 * directories are not recorded.
 * @throws AgentvError `refused` for devices, sockets and pipes
 */
export async function digestTree(
	root: string,
	options: ListOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<DigestEntry[]> {
	const digests: DigestEntry[] = [];
	let bytes = 0;
	const entries = listTree(root, options);
	refuseTooLarge(
		root,
		entries.filter(({ kind }) => kind === "file"),
		largestTree,
	);
	for (const { path, kind, size, mode, isSpecial, target } of entries) {
		if (kind === "directory") continue;
		if (kind === "other") throw new AgentvError("refused", `${join(root, path)} is not a file, directory or link`);
		if (kind === "link")
			digests.push({ path, size: Buffer.byteLength(target ?? ""), mode: "link", sha256: digestText(target ?? "") });
		else {
			const sha256 = await digestOf(join(root, path), size, options.signal);
			digests.push({ path, size, mode: mode & 0o111 ? "755" : "644", ...(isSpecial ? { isSpecial } : {}), sha256 });
		}
		bytes += size;
		if (bytes < 8 * chunkSize) continue;
		// Yield to other work.
		bytes = 0;
		await new Promise((next) => setImmediate(next));
		throwIfAborted(options.signal, "reading");
	}
	return digests;
}

async function digestOf(file: string, size: number, signal: AbortSignal | undefined): Promise<string> {
	if (size <= largestHashed) return digestFile(file);
	const digest = createHash("sha256");
	await readRegularChunks(file, size, (chunk) => void digest.update(chunk), signal);
	return digest.digest("hex");
}
