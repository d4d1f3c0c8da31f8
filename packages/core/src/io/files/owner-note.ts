import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { type LockOwner, type OwnerState, ourselves, ownerState } from "./lock-owner.ts";
import { readTextFile } from "./read-text.ts";
import { pathKind } from "./stat-path.ts";
import { removeFile, writeNote } from "./write-note.ts";

/** Says in a directory of ours which process it belongs to. */
export const ownerNote = "owner.json";

/** Notes down in `directory` that it is this process's. */
export function writeOwnerNote(directory: string): void {
	writeNote(join(directory, ownerNote), JSON.stringify(ourselves("")));
}

/** Gives a directory up: what is left in it was meant to stay. */
export function removeOwnerNote(directory: string): void {
	removeFile(join(directory, ownerNote));
}

export interface DirectoryOwner {
	readonly pid: number;
	readonly state: OwnerState;
}

/** The process that a directory says it belongs to; undefined where it says none, or nothing that can be read. */
export function directoryOwner(directory: string): DirectoryOwner | undefined {
	return readOwner(join(directory, ownerNote));
}

/** Notes down in `directory` that this process uses what is beside it. The answer takes the note away again. */
export function noteUser(directory: string): () => void {
	const token = randomBytes(8).toString("hex");
	const note = join(directory, `${token}.json`);
	writeNote(note, JSON.stringify(ourselves(token)));
	return () => removeFile(note);
}

/** The owner that a note names. */
export function readOwner(note: string): DirectoryOwner | undefined {
	if (pathKind(note) !== "file") return undefined;
	try {
		const owner = JSON.parse(readTextFile(note)) as Partial<LockOwner> | null;
		if (typeof owner?.pid !== "number" || typeof owner.machine !== "string") return undefined;
		return { pid: owner.pid, state: ownerState(owner as LockOwner) };
	} catch (error) {
		// Half a note of a machine that lost its power says nothing, as none does.
		if (error instanceof SyntaxError || error instanceof AgentvError) return undefined;
		throw error;
	}
}
