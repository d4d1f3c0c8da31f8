import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { isEvalName } from "../model/discover-evals.ts";
import { openDiskView } from "../model/disk-view.ts";
import { findEvals } from "../model/find-evals.ts";
import { targetCache } from "../model/load-targets.ts";
import type { CloneGit } from "./clone-git.ts";
import type { Side } from "./eval-side.ts";
import { futureView } from "./future-view.ts";
import type { Seen } from "./observe.ts";
import type { ExecutableChange, SyncChanges, TouchedEval } from "./sync-types.ts";
import { ChangedPaths, evalChanges } from "./touched-evals.ts";
import type { TreeChange } from "./tree-diff.ts";

/**
 * Describes what moving the clone to the wanted commit changes; null if no file changes. The wanted
 * commit's contents must be available. Loads evals as they are and as they will be, without
 * checkout. Files of opaque shell texts are unknown and not included.
 */
export async function describeChanges(seen: Seen, env: Environment): Promise<SyncChanges | null> {
	const { incoming, observation, clone } = seen;
	if (incoming.length === 0 || !clone) return null;
	const relation = observation.clone?.relation;
	const isBranch = "wanted" in observation.remote && observation.remote.wanted.kind === "branch";
	return {
		commits: isBranch && relation ? relation.behind : null,
		added: incoming.flatMap(({ path, before }) => (before ? [] : [path])),
		changed: incoming.flatMap(({ path, before, after }) => (before && after ? [path] : [])),
		removed: incoming.flatMap(({ path, after }) => (after ? [] : [path])),
		...(await changedEvals(clone.git, incoming, env)),
	};
}

async function changedEvals(
	git: CloneGit,
	incoming: readonly TreeChange[],
	env: Environment,
): Promise<Pick<SyncChanges, "evals" | "executes">> {
	const { root } = git;
	const view = openDiskView();
	const before: Side = { view, env, root, targetCache: targetCache() };
	const after: Side = { ...before, view: await futureView(git, incoming, view), targetCache: targetCache() };
	const there = await findEvals(root);
	const added = incoming
		.filter(({ path, after: side }) => side && isEvalName(path))
		.map(({ path }) => join(root, path));
	const changed = new ChangedPaths(root, incoming);
	const evals: TouchedEval[] = [];
	const executes: ExecutableChange[] = [];
	for (const file of [...new Set([...there.files.map((path) => join(root, path)), ...added])].sort()) {
		const { touched, executes: more } = evalChanges(file, before, after, changed);
		if (touched) evals.push(touched);
		executes.push(...more);
		// Many evals take a while: yield to other work in this process.
		await new Promise((resolve) => setImmediate(resolve));
	}
	return { evals, executes: distinctFirst(executes) };
}

/** Moves repetitions to the end: a truncated list still has every change. */
function distinctFirst(changes: readonly ExecutableChange[]): ExecutableChange[] {
	const seen = new Set<string>();
	const first: ExecutableChange[] = [];
	const again: ExecutableChange[] = [];
	for (const change of changes) {
		const key = `${change.kind} ${change.what}`;
		(seen.has(key) ? again : first).push(change);
		seen.add(key);
	}
	return [...first, ...again];
}
