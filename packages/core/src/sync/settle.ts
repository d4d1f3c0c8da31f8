import { baseRef, type LocalClone, remoteRef } from "./look-local.ts";
import type { Wanted } from "./look-remote.ts";

/**
 * Records the clone's state in it: our refs, its ref, its URL, and the configuration for a plain
 * `git pull`. Only writes what differs; for a current clone that is nothing, without a git command.
 */
export async function settle({ git, refs, isOrigin }: LocalClone, wanted: Wanted, url: string): Promise<void> {
	const tracking = wanted.kind === "branch" ? [`refs/remotes/origin/${wanted.name}`] : [];
	const updates = [baseRef, remoteRef, ...tracking].filter((ref) => refs.get(ref) !== wanted.sha);
	// Atomic, so that the base is never behind what is checked out.
	if (updates.length > 0)
		await git.shielded(["update-ref", "-z", "--stdin"], {
			input: updates.map((ref) => `update ${ref}\0${wanted.sha}\0\0`).join(""),
		});
	if (!isOrigin) await git.shielded(["config", "remote.origin.url", url]);
	if (git.syncedRef === wanted.ref) return;
	if (wanted.kind === "branch") await follow(git, wanted.name);
	await git.shielded(["config", "agentv.ref", wanted.ref]);
}

/** If the remote deleted the previous branch, every plain `git pull` would fail. */
async function follow(git: LocalClone["git"], branch: string): Promise<void> {
	const former = git.syncedRef?.startsWith("refs/heads/") ? refspecOf(git.syncedRef.slice("refs/heads/".length)) : "";
	const answer = await git.local(["config", "--get-all", "remote.origin.fetch"], { okExitCodes: [0, 1] });
	const known = answer.stdout.split("\n");
	const refspec = refspecOf(branch);
	const isFollowed = known.includes(refspec) || known.includes("+refs/heads/*:refs/remotes/origin/*");
	const set = ["config", "--fixed-value", "--replace-all", "remote.origin.fetch", refspec, former];
	if (!isFollowed && known.includes(former)) await git.shielded(set);
	else if (!isFollowed) await git.shielded(["config", "--add", "remote.origin.fetch", refspec]);
	await git.shielded(["config", `branch.${branch}.remote`, "origin"]);
	await git.shielded(["config", `branch.${branch}.merge`, `refs/heads/${branch}`]);
}

function refspecOf(branch: string): string {
	return `+refs/heads/${branch}:refs/remotes/origin/${branch}`;
}
