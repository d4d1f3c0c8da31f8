import { join } from "node:path";
import { listDirectory } from "../../io/files/list-directory.ts";
import { makeDirectories } from "../../io/files/make-directories.ts";
import { makeDirectory } from "../../io/files/make-directory.ts";
import { noteUser, readOwner } from "../../io/files/owner-note.ts";
import { readTextFile } from "../../io/files/read-text.ts";
import { pathKind } from "../../io/files/stat-path.ts";
import { touch } from "../../io/files/touch.ts";
import { removeFile, writeNote } from "../../io/files/write-note.ts";

// Notes inside a mirror about it. Call these while its lock is held.

/** A directory in the mirror: exists once it is set up, and its time is the last use. */
export const usedMark = "agentv-complete";
const usersFolder = "agentv-users";

export function isSetUp(mirror: string): boolean {
	return pathKind(join(mirror, usedMark)) === "directory";
}

/** @param shown the repository for display, without credentials */
export function markSetUp(mirror: string, shown: string): void {
	writeNote(join(mirror, "agentv-source"), shown);
	makeDirectory(join(mirror, usedMark));
}

/** Returns the repository of a mirror; undefined for one of an older version. */
export function mirrorSource(mirror: string): string | undefined {
	const note = join(mirror, "agentv-source");
	return pathKind(note) === "file" ? readTextFile(note) : undefined;
}

/** Records that this process reads the mirror, until the returned function is called. */
export function useMirror(mirror: string): () => void {
	touch(join(mirror, usedMark));
	const users = join(mirror, usersFolder);
	makeDirectories(users);
	// Notes of killed processes.
	for (const note of notesIn(users)) if (readOwner(note)?.state === "dead") removeFile(note);
	return noteUser(users);
}

/** Returns the process that reads the mirror, if it is alive (or unknown). */
export function mirrorUser(mirror: string): number | undefined {
	const owners = notesIn(join(mirror, usersFolder)).map((note) => readOwner(note));
	return owners.find((owner) => owner && owner.state !== "dead")?.pid;
}

function notesIn(directory: string): string[] {
	return listDirectory(directory).map((name) => join(directory, name));
}
