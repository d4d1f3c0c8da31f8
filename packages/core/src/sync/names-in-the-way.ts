import type { LocalClone } from "./look-local.ts";

/** A ref of the clone and the commit that it stands for. */
export interface NamedRef {
	readonly ref: string;
	readonly sha: string;
}

/** Below these a branch is known here. */
const places = ["refs/heads/", "refs/remotes/origin/"];

/**
 * Refs that keep git from making the branch `name`: where `a` is one, there is no room for `a/b`, nor the other way round. Offline, one
 * git command.
 */
export async function namesInTheWay({ git }: LocalClone, name: string): Promise<NamedRef[]> {
	const parts = name.split("/");
	const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
	const standing = places.flatMap((place) => above.map((part) => place + part));
	const below = places.map((place) => `${place}${name}/`);
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", ...standing, ...below]);
	return stdout.split("\n").flatMap((line) => {
		const [sha = "", ref = ""] = line.split(" ");
		const isInTheWay = standing.includes(ref) || below.some((start) => ref.startsWith(start));
		return isInTheWay ? [{ ref, sha }] : [];
	});
}

/** Removes them; nothing is lost, for the plan has seen that their commits are the remote's. */
export async function clearNames(clone: LocalClone, name: string): Promise<void> {
	const { git, head } = clone;
	const found = await namesInTheWay(clone, name);
	if (found.length === 0 || head.sha === undefined) return;
	if (found.some(({ ref }) => ref === `refs/heads/${head.branch}`))
		await git.shielded(["update-ref", "--no-deref", "HEAD", head.sha]);
	const input = found.map(({ ref, sha }) => `delete ${ref}\0${sha}\0`).join("");
	await git.shielded(["update-ref", "-z", "--stdin"], { input });
}
