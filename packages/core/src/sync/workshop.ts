import { basename, dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { type LockOwner, ourselves, ownerState } from "../io/files/lock-owner.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import { writeNote } from "../io/files/write-note.ts";
import { endStrays } from "../io/process/end-strays.ts";

/** Directories in which clones are made begin with this. */
export const workshopPrefix = ".agentv-clone-";

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
	writeNote(join(workshop, "owner.json"), JSON.stringify(ourselves("")));
	try {
		return await work(workshop);
	} finally {
		await removeTree(workshop);
	}
}

/** Removes what killed syncs of `goal` left beside it and in it, and ends the git that they left running. */
export async function sweepWorkshops(goal: string): Promise<void> {
	for (const parent of [dirname(goal), goal]) {
		for (const name of listDirectory(parent)) {
			const workshop = join(parent, name);
			if (!name.startsWith(prefixFor(goal)) || ownerOf(workshop) !== "dead") continue;
			await endStrays(workshop);
			await removeTree(workshop);
		}
	}
}

/** A workshop without an owner was left in the moment it was made. */
function ownerOf(workshop: string): ReturnType<typeof ownerState> {
	try {
		return ownerState(JSON.parse(readTextFile(join(workshop, "owner.json"))) as LockOwner);
	} catch (error) {
		if (error instanceof SyntaxError || error instanceof AgentvError) return "dead";
		throw error;
	}
}
