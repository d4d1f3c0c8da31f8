import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { isInside } from "../io/files/path-inside.ts";
import { readLink } from "../io/files/read-link.ts";
import { pathKind } from "../io/files/stat-path.ts";

/** A path with the links that it leads through. */
export interface FollowedPath {
	/** Links met on the way, each with its text. Their relative texts stay true when all of them are copied. */
	readonly links: readonly { readonly path: string; readonly target: string }[];
	/** Where it ends: below `bound`, without links below it. */
	readonly real: string;
	/** The first link that leads out of `bound`. */
	readonly escape?: { readonly path: string; readonly target: string };
}

const mostHops = 40;

/** Follows `path` link by link below the directory `bound`; what lies above `bound` is taken as given. */
export function followLinks(path: string, bound: string): FollowedPath {
	if (!isInside(bound, path)) return { links: [], real: path };
	const links: { path: string; target: string }[] = [];
	let real = bound;
	const todo = relative(bound, path).split(sep).filter(Boolean);
	for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
		const next = join(real, part);
		if (pathKind(next) !== "link") {
			real = next;
			continue;
		}
		const target = readLink(next);
		const goal = resolve(dirname(next), target);
		if (isAbsolute(target) || !isInside(bound, goal) || links.length > mostHops)
			return { links, real: next, escape: { path: next, target } };
		links.push({ path: next, target });
		todo.unshift(...relative(bound, goal).split(sep).filter(Boolean));
		real = bound;
	}
	return { links, real };
}
