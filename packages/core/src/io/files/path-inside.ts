import { isAbsolute, relative, sep } from "node:path";

/**
 * Whether `child` is `parent` itself or lies below it. Pure string logic on absolute paths: nothing is looked up, `..`
 * and trailing separators are resolved, links are not.
 */
export function isInside(parent: string, child: string): boolean {
	const path = relative(parent, child);
	return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}
