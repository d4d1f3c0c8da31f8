import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { AgentvError } from "../base/agentv-error.ts";
import type { Redactor } from "../base/redact.ts";
import { rawBytes } from "../io/files/raw-path.ts";
import { readRegularChunks, readRegularFile } from "../io/files/read-regular.ts";
import type { TreeNote } from "../io/files/tree-notes.ts";

/** Larger files are not shown whole. */
export const largestWhole = 2 * 1024 * 1024;

/** What is known of a file's content for showing and storing a change. */
export interface Content {
	readonly size: number;
	/** Its object name in git. */
	readonly blob: string;
	readonly sha256: string;
	/** `text` is valid UTF-8, `other-text` has no NUL either; `large` content is not read. */
	readonly form: "text" | "other-text" | "binary" | "large";
}

export type Source = { readonly file: string } | { readonly link: string } | { readonly bytes: Buffer };

/** Caches read contents, so that most are read once. */
export interface ContentMemory {
	left: number;
}

/** A file or link at one side of a change. */
export interface FileVersion extends Content {
	/** In git's format. */
	readonly mode: "100644" | "100755" | "120000";
	/** Absent if only the content's name is left, or a copy in the store. */
	readonly source?: Source | undefined;
}

interface DescribeOptions {
	readonly memory?: ContentMemory;
	readonly signal?: AbortSignal | undefined;
}

/** @throws AgentvError if the file was removed or replaced meanwhile */
export async function describeVersion(
	note: TreeNote,
	source: Source,
	{ memory, signal }: DescribeOptions = {},
): Promise<FileVersion> {
	const mode = modeOf(note);
	if (note.kind === "file" && note.size > largestWhole)
		return { ...(await describeLarge(source, note.size, signal)), mode, source };
	const bytes = readSource(source);
	const isKept = memory !== undefined && bytes.length <= memory.left;
	if (isKept) memory.left -= bytes.length;
	return { ...describeBytes(bytes), mode, source: isKept ? { bytes } : source };
}

export function modeOf(note: TreeNote): FileVersion["mode"] {
	if (note.kind === "link") return "120000";
	return note.mode & 0o100 ? "100755" : "100644";
}

export function describeBytes(bytes: Buffer): Content {
	const digests = new Digests(bytes.length);
	digests.update(bytes);
	const form = bytes.includes(0) ? "binary" : isUtf8(bytes) ? "text" : "other-text";
	return { size: bytes.length, ...digests.result(), form: bytes.length > largestWhole ? "large" : form };
}

/** Returns the bytes of content that is not `large`. */
export function readSource(source: Source): Buffer {
	if ("bytes" in source) return source.bytes;
	return "link" in source ? rawBytes(source.link) : readRegularFile(source.file);
}

/** Passes content in chunks. @throws AgentvError `not-found` if it changed since */
export async function readVersion(
	{ source, size, blob }: FileVersion,
	take: (chunk: Buffer) => void | Promise<void>,
	signal?: AbortSignal,
): Promise<void> {
	const digests = new Digests(size);
	const pass = async (chunk: Buffer) => {
		digests.update(chunk);
		await take(chunk);
	};
	if (source && "file" in source) await readRegularChunks(source.file, size, pass, signal);
	else if (source) await pass(readSource(source));
	if (digests.result().blob !== blob) throw changedMeanwhile(source);
}

/**
 * Returns the whole content of a version with a source. @throws AgentvError `not-found` if it
 * changed since
 */
export function bytesOfVersion({ source, blob }: FileVersion): Buffer {
	const bytes = source ? readSource(source) : Buffer.alloc(0);
	if (describeBytes(bytes).blob !== blob) throw changedMeanwhile(source);
	return bytes;
}

function changedMeanwhile(source: Source | undefined): AgentvError {
	const name = source && "file" in source ? source.file : "a link";
	return new AgentvError("not-found", `${name} was changed while it was read`);
}

/** Chunks overlap by this many characters, so that a secret across two of them is found. */
const overlap = 16 * 1024;

/** Returns whether content contains a secret unencoded. */
export async function holdsSecret(version: FileVersion, redact: Redactor, signal?: AbortSignal): Promise<boolean> {
	let [found, end] = [false, ""];
	await readVersion(
		version,
		(chunk) => {
			if (found) return;
			const text = end + chunk.toString("latin1");
			// Secrets can have any letters; decoding most content wrongly in one of the two ways is
			// harmless.
			found = redact(text) !== text || redact(chunk.toString("utf8")) !== chunk.toString("utf8");
			end = text.slice(-overlap);
		},
		signal,
	);
	return found;
}

async function describeLarge(source: Source, size: number, signal: AbortSignal | undefined): Promise<Content> {
	const digests = new Digests(size);
	let read = 0;
	if ("file" in source)
		await readRegularChunks(
			source.file,
			size,
			(chunk) => {
				digests.update(chunk);
				read += chunk.length;
			},
			signal,
		);
	// The size is part of git's digest.
	if (read !== size) throw changedMeanwhile(source);
	return { size, ...digests.result(), form: "large" };
}

class Digests {
	readonly #blob: Hash;
	readonly #sha256 = createHash("sha256");

	constructor(size: number) {
		this.#blob = createHash("sha1").update(`blob ${size}\0`);
	}

	update(chunk: Buffer): void {
		this.#blob.update(chunk);
		this.#sha256.update(chunk);
	}

	result(): Pick<Content, "blob" | "sha256"> {
		return { blob: this.#blob.digest("hex"), sha256: this.#sha256.digest("hex") };
	}
}
