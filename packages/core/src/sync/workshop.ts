import { basename, dirname, join } from "node:path";
import { removeTree } from "../io/files/remove-tree.ts";
import { sweepStaged } from "../io/files/staged-files.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { makeOwnedDir } from "../io/files/temp-dir.ts";
import { workshopPrefix } from "../model/home-places.ts";
import { readJournal } from "./journal.ts";

/** Runs `work` with a temporary directory inside `parent`, which is always removed afterwards. */
export async function withWorkshop<T>(
	goal: string,
	parent: string,
	work: (workshop: string) => Promise<T>,
): Promise<T> {
	const workshop = makeOwnedDir(join(parent, `${workshopPrefix}${basename(goal)}-`));
	try {
		return await work(workshop);
	} finally {
		await removeTree(workshop);
	}
}

/** Removes leftovers next to `goal`, and in it unless there is a clone. */
export async function sweepWorkshops(goal: string): Promise<void> {
	const isClone = pathKind(join(goal, ".git")) !== "missing" && !readJournal(join(goal, ".git"));
	for (const parent of isClone ? [dirname(goal)] : [dirname(goal), goal]) await sweepStaged(parent);
}
