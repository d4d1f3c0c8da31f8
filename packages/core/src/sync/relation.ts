import { type LocalClone, remoteRef } from "./look-local.ts";

/** How the commit that is checked out stands to the wanted one. */
export interface Relation {
	/** Commits that only the checked-out one has, or only the wanted one. */
	readonly ahead: number;
	readonly behind: number;
	/** Whether one of the checked-out commits was made here: nothing that came from the remote holds it. */
	readonly hasLocalCommits: boolean;
}

/** Compares HEAD with `tip`, a commit that is here. Offline; one git command, a second one when HEAD has more. */
export async function relate({ git, head }: LocalClone, tip: string): Promise<Relation> {
	if (head.sha === undefined || head.sha === tip) return { ahead: 0, behind: 0, hasLocalCommits: false };
	const { stdout } = await git.local(["rev-list", "--left-right", "--count", `${head.sha}...${tip}`, "--"]);
	const [ahead = 0, behind = 0] = stdout.trim().split("\t").map(Number);
	return { ahead, behind, hasLocalCommits: ahead > 0 && (await hasLocalCommits(git, head.sha, tip)) };
}

/** Whether `commit` has a commit in its history that nothing from the remote holds. */
export async function hasLocalCommits(git: LocalClone["git"], commit: string, tip: string): Promise<boolean> {
	const known = ["--not", "--remotes=origin", "--glob=refs/agentv/", tip];
	const { stdout } = await git.local(["rev-list", "--max-count=1", commit, ...known, "--"]);
	return stdout.trim() !== "";
}

/** Whether `one` and `other` share a commit; false where a shallow history ends before one could be found. */
export async function shareHistory(git: LocalClone["git"], one: string, other: string): Promise<boolean> {
	return (await git.local(["merge-base", one, other], { okExitCodes: [0, 1] })).exitCode === 0;
}

/** The commit that the last fetch brought. */
export async function fetchedCommit(git: LocalClone["git"]): Promise<string> {
	return (await git.local(["rev-parse", "--verify", `${remoteRef}^{commit}`])).stdout.trim();
}
