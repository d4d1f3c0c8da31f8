import type { TreeEntry } from "./list-tree.ts";

/**
 * The links among `entries` that leave the tree when followed, wherever the tree stands: absolute ones, those that climb above its
 * root (also by way of other links), and circles. Nothing is looked up, so dangling links are judged too.
 */
export function linksLeavingTree(entries: readonly TreeEntry[]): TreeEntry[] {
	const targets = new Map<string, string>();
	for (const entry of entries) if (entry.target !== undefined) targets.set(entry.path, entry.target);
	return entries.filter((entry) => entry.target !== undefined && leaves(entry.path, targets));
}

function leaves(link: string, targets: ReadonlyMap<string, string>): boolean {
	let at: string[] = [];
	const todo = link.split("/");
	let hops = 0;
	for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
		if (part === "" || part === ".") continue;
		if (part === "..") {
			if (at.length === 0) return true;
			at = at.slice(0, -1);
			continue;
		}
		const target = targets.get([...at, part].join("/"));
		if (target === undefined) {
			at = [...at, part];
			continue;
		}
		// Windows' drive letters and backslashes count as absolute, too: such a link means something else there.
		if (/^(?:[/\\]|[a-z]:)/i.test(target) || ++hops > 40) return true;
		todo.unshift(...target.split("/"));
	}
	return false;
}
