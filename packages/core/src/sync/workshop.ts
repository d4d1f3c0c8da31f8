import { basename, dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { type LockOwner, ownerState } from "../io/files/lock-owner.ts";
import { ownerNote, writeOwnerNote } from "../io/files/owner-note.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import { endStrays } from "../io/process/end-strays.ts";
import { workshopPrefix } from "../model/home-places.ts";
import { readJournal } from "./journal.ts";

function prefixFor(goal: string): string {
	return `${workshopPrefix}${basename(goal)}-`;
}

/** Runs `work` with a directory of its own inside `parent`, which is removed afterwards, come what may. */
export async function withWorkshop<T>(
	goal: string,
	parent: string,
	work: (workshop: string) => Promise<T>,
): Promise<T> {
	const workshop = makeTempDir(prefixFor(goal), parent);
	writeOwnerNote(workshop);
	try {
		return await work(workshop);
	} finally {
		await removeTree(workshop);
	}
}

/** Removes what killed syncs of `goal` left beside it, and in it unless a clone stands there, and ends the git that they left running. */
export async function sweepWorkshops(goal: string): Promise<void> {
	const isClone = pathKind(join(goal, ".git")) !== "missing" && !readJournal(join(goal, ".git"));
	const prefix = prefixFor(goal);
	for (const parent of isClone ? [dirname(goal)] : [dirname(goal), goal]) {
		for (const name of namesIn(parent)) {
			const workshop = join(parent, name);
			const isWorkshop = name.startsWith(prefix) && /^[A-Za-z0-9]{6}$/.test(name.slice(prefix.length));
			if (!isWorkshop || ownerOf(workshop) !== "dead") continue;
			await endStrays(workshop);
			await removeTree(workshop);
		}
	}
}

/** What may not be listed is not swept, and keeps no sync from its work. */
function namesIn(directory: string): readonly string[] {
	try {
		return listDirectory(directory);
	} catch (error) {
		if (error instanceof AgentvError) return [];
		throw error;
	}
}

/** A workshop without an owner was left in the moment it was made, and is empty; anything else is somebody's own. */
function ownerOf(workshop: string): ReturnType<typeof ownerState> {
	try {
		return ownerState(JSON.parse(readTextFile(join(workshop, ownerNote))) as LockOwner);
	} catch (error) {
		if (!(error instanceof SyntaxError || error instanceof AgentvError)) throw error;
		return namesIn(workshop).every((name) => name.includes(ownerNote)) ? "dead" : "alive";
	}
}
