import type { CloneGit } from "./clone-git.ts";

/** Git's mode (`100644`, `100755`, `120000`, `160000`) and object. */
export interface TreeSide {
	readonly mode: string;
	readonly oid: string;
}

export interface TreeChange {
	/** Relative to the repository's root, `/` between components. */
	readonly path: string;
	readonly before: TreeSide | undefined;
	readonly after: TreeSide | undefined;
}

const nothing = /^0+$/;

/** By path, without rename detection. Offline, one git command. */
export async function treeDiff(git: CloneGit, from: string, to: string): Promise<TreeChange[]> {
	const { stdout } = await git.local(["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", from, to, "--"]);
	const parts = stdout.split("\0");
	const changes: TreeChange[] = [];
	for (let index = 0; index + 1 < parts.length; index += 2) {
		const [before = "", after = "", oldOid = "", newOid = ""] = (parts[index] ?? "").slice(1).split(" ");
		changes.push({ path: parts[index + 1] ?? "", before: side(before, oldOid), after: side(after, newOid) });
	}
	return changes;
}

function side(mode: string, oid: string): TreeSide | undefined {
	return nothing.test(mode) ? undefined : { mode, oid };
}
