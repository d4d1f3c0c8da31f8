import { isAbsolute, relative, sep } from "node:path";

/**
 * Returns whether `child` is `parent` itself or below it. Pure string logic on absolute paths: no
 * file access; `..` and trailing separators are resolved, links are not.
 */
export function isInside(parent: string, child: string): boolean {
	// The common case; computing the relative path takes fifty times as long.
	if (child.startsWith(parent) && child[parent.length] === sep && !child.includes("..")) return true;
	const path = relative(parent, child);
	return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}
