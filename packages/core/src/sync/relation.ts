import { type LocalClone, remoteRef } from "./look-local.ts";

/** The relation of the checked-out commit to the wanted one. */
export interface Relation {
	/** Commits that only the checked-out one has, or only the wanted one. */
	readonly ahead: number;
	readonly behind: number;
	/** Whether a checked-out commit was made here: nothing from the remote contains it. */
	readonly hasLocalCommits: boolean;
}

/** Offline; one git command, or two if HEAD has more commits. */
export async function relate({ git, head }: LocalClone, tip: string): Promise<Relation> {
	if (head.sha === undefined || head.sha === tip) return { ahead: 0, behind: 0, hasLocalCommits: false };
	const { stdout } = await git.local(["rev-list", "--left-right", "--count", `${head.sha}...${tip}`, "--"]);
	const [ahead = 0, behind = 0] = stdout.trim().split("\t").map(Number);
	return { ahead, behind, hasLocalCommits: ahead > 0 && (await hasLocalCommits(git, head.sha, tip)) };
}

/** Returns whether the history of `commit` has a commit that nothing from the remote contains. */
export async function hasLocalCommits(git: LocalClone["git"], commit: string, tip: string): Promise<boolean> {
	const known = ["--not", "--remotes=origin", "--glob=refs/agentv/", tip];
	const { stdout } = await git.local(["rev-list", "--max-count=1", commit, ...known, "--"]);
	return stdout.trim() !== "";
}

/** False if a shallow history ends before a common ancestor. */
export async function shareHistory(git: LocalClone["git"], one: string, other: string): Promise<boolean> {
	return (await git.local(["merge-base", one, other], { okExitCodes: [0, 1] })).exitCode === 0;
}

export async function fetchedCommit(git: LocalClone["git"]): Promise<string> {
	return (await git.local(["rev-parse", "--verify", `${remoteRef}^{commit}`])).stdout.trim();
}
