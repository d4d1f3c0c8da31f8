import { createHash, hash } from "node:crypto";
import { readSync } from "node:fs";
import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { type ListOptions, listTree } from "./list-tree.ts";
import { withRegular } from "./open-regular.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

export interface DigestEntry {
	/** Relative to the root, `/` between components. */
	readonly path: string;
	/** Bytes; of a link the length of its text. */
	readonly size: number;
	readonly mode: "644" | "755" | "link";
	/** A file that is setuid, setgid or sticky. */
	readonly isSpecial?: true;
	/** Hexadecimal SHA-256 of the content; of a link that of its text. */
	readonly sha256: string;
}

const chunkSize = 1024 * 1024;
let shared: Buffer | undefined;

/** Hexadecimal SHA-256 of a file, read piece by piece. */
export function digestFile(path: string): string {
	shared ??= Buffer.allocUnsafe(chunkSize);
	const digest = createHash("sha256");
	const buffer = shared;
	withRegular(path, ({ descriptor }) => {
		for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer))
			digest.update(buffer.subarray(0, length));
	});
	return digest.digest("hex");
}

/** Hexadecimal SHA-256 of a text (as UTF-8) or of bytes. */
export function digestText(content: string | Uint8Array): string {
	return hash("sha256", content, "hex");
}

/** A SHA-256 of texts that come piece by piece. */
export function createDigest(): { update(text: string): void; hex(): string } {
	const hash = createHash("sha256");
	return { update: (text) => void hash.update(text), hex: () => hash.digest("hex") };
}

/**
 * Digests of all files and links below `root`, in byte order of their paths; directories count only by what they hold.
 * @throws AgentvError `refused` for devices, sockets and pipes
 */
export async function digestTree(
	root: string,
	options: ListOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<DigestEntry[]> {
	const digests: DigestEntry[] = [];
	let bytes = 0;
	for (const { path, kind, size, mode, isSpecial, target } of listTree(root, options)) {
		if (kind === "directory") continue;
		if (kind === "other") throw new AgentvError("refused", `${join(root, path)} is neither file, directory nor link`);
		if (kind === "link")
			digests.push({ path, size: Buffer.byteLength(target ?? ""), mode: "link", sha256: digestText(target ?? "") });
		else {
			const sha256 = digestFile(join(root, path));
			digests.push({ path, size, mode: mode & 0o111 ? "755" : "644", ...(isSpecial ? { isSpecial } : {}), sha256 });
		}
		bytes += size;
		if (bytes < 8 * chunkSize) continue;
		// Other work gets its turn.
		bytes = 0;
		await new Promise((next) => setImmediate(next));
		throwIfAborted(options.signal, "reading");
	}
	return digests;
}
