import type { LocalClone } from "./look-local.ts";

/** A ref of the clone with its commit. */
export interface NamedRef {
	readonly ref: string;
	readonly sha: string;
}

/** Prefixes of known branches. */
const places = ["refs/heads/", "refs/remotes/origin/"];

/** Branches `a` and `a/b` exclude each other. Offline, one git command. */
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

/** Removes them; the plan has checked that their commits are the remote's, so nothing is lost. */
export async function clearNames(clone: LocalClone, name: string): Promise<void> {
	const { git, head } = clone;
	const found = await namesInTheWay(clone, name);
	if (found.length === 0 || head.sha === undefined) return;
	if (found.some(({ ref }) => ref === `refs/heads/${head.branch}`))
		await git.shielded(["update-ref", "--no-deref", "HEAD", head.sha]);
	const input = found.map(({ ref, sha }) => `delete ${ref}\0${sha}\0`).join("");
	await git.shielded(["update-ref", "-z", "--stdin"], { input });
}
