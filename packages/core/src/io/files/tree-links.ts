import type { TreeEntry } from "./list-tree.ts";

/**
 * Returns the links among `entries` that leave the tree when followed, wherever the tree is:
 * absolute ones, those that climb above its root (also through other links), and cycles. Needs no
 * file access, so dangling links are included.
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
		// Drive letters and backslashes count as absolute, too: on Windows such a link has another
		// meaning.
		if (/^(?:[/\\]|[a-z]:)/i.test(target) || ++hops > 40) return true;
		todo.unshift(...target.split("/"));
	}
	return false;
}
