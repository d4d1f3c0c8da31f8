import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { directoryEntries } from "../io/files/directory-entries.ts";
import { directoryOwner, removeOwnerNote } from "../io/files/owner-note.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { workspacesPlace } from "../model/home-places.ts";

/** Suffix of the note next to a workspace that is kept for the user. */
export const keptMark = ".kept";

/** Object stores that kept workspaces borrow from. */
const sharedStores = "objects";

/** Removes the workspaces of killed runs, except kept ones. Best effort. */
export async function sweepWorkspaces(agentvHome: string): Promise<void> {
	const place = workspacesPlace(agentvHome);
	for (const [name, kind] of directoryEntries(place) ?? []) {
		const directory = join(place, name);
		if (kind !== "directory" || directoryOwner(directory)?.state !== "dead") continue;
		try {
			for (const [home, homeKind] of directoryEntries(directory) ?? [])
				if (homeKind === "directory") await sweepHome(join(directory, home));
			// Last: without it the directory counts as kept.
			removeOwnerNote(directory);
			removeEmptyDirectory(directory);
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
		}
	}
}

async function sweepHome(home: string): Promise<void> {
	const names = [...(directoryEntries(home)?.keys() ?? [])];
	const kept = names.flatMap((name) => (name.endsWith(keptMark) ? [name.slice(0, -keptMark.length)] : []));
	if (kept.length === 0) return removeTree(home);
	for (const name of names) if (name !== sharedStores && !kept.includes(name)) await removeTree(join(home, name));
}
