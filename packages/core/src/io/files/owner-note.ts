import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { type LockOwner, type OwnerState, ourselves, ownerState } from "./lock-owner.ts";
import { readTextFile } from "./read-text.ts";
import { pathKind } from "./stat-path.ts";
import { removeFile, writeNote } from "./write-note.ts";

/** Records which process owns a directory. */
export const ownerNote = "owner.json";

/** Records that this process owns `directory`. */
export function writeOwnerNote(directory: string): void {
	writeNote(join(directory, ownerNote), JSON.stringify(ourselves("")));
}

/** Releases a directory: its remaining contents are meant to stay. */
export function removeOwnerNote(directory: string): void {
	removeFile(join(directory, ownerNote));
}

export interface DirectoryOwner {
	readonly pid: number;
	readonly state: OwnerState;
}

/** Returns the recorded owner of a directory; undefined if there is none, or it is unreadable. */
export function directoryOwner(directory: string): DirectoryOwner | undefined {
	return readOwner(join(directory, ownerNote));
}

/** Records in `directory` that this process uses it. The returned function removes the record. */
export function noteUser(directory: string): () => void {
	const token = randomBytes(8).toString("hex");
	const note = join(directory, `${token}.json`);
	writeNote(note, JSON.stringify(ourselves(token)));
	return () => removeFile(note);
}

export function readOwner(note: string): DirectoryOwner | undefined {
	if (pathKind(note) !== "file") return undefined;
	try {
		const owner = JSON.parse(readTextFile(note)) as Partial<LockOwner> | null;
		if (typeof owner?.pid !== "number" || typeof owner.machine !== "string") return undefined;
		return { pid: owner.pid, state: ownerState(owner as LockOwner) };
	} catch (error) {
		// A note truncated by a power failure counts as missing.
		if (error instanceof SyntaxError || error instanceof AgentvError) return undefined;
		throw error;
	}
}
