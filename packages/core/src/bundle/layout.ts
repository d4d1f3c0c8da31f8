import { dirname, join, relative, sep } from "node:path";
import { isInside } from "../io/files/path-inside.ts";

/** The folders of a bundle that copies go to, each a mirror of a part of the source tree. */
export const areas = ["workspace", "scripts", "data"] as const;
export type Area = (typeof areas)[number];

/** What lies in an area: directories that hold a copy, or where a command runs. Absolute. */
export interface AreaExtent {
	/** Every directory that must have a place in the area. */
	readonly directories: Iterable<string>;
	/** Directories whose own name must stay: they can't be the area's top. */
	readonly named?: Iterable<string>;
}

/** Where everything goes: pure functions of paths. */
export interface Layout {
	/** The bundle path of what lies at the absolute `path` in the source; "" would be the bundle itself. */
	place(area: Area, path: string): string;
	/** The source directory that an area mirrors; undefined while nothing lies in it. */
	top(area: Area): string | undefined;
}

/**
 * Lays out a bundle: each area mirrors the smallest directory that holds all that lies in it, so that `../lib/x.mjs` still
 * resolves. `taken` says which sources have a bundle path of their own already; an area that would put something else there
 * gets another name.
 */
export function layOut(extents: Readonly<Record<Area, AreaExtent>>, taken: ReadonlyMap<string, string>): Layout {
	const tops = new Map<Area, string>();
	const prefixes = new Map<Area, string>();
	for (const area of areas) {
		const top = commonDirectory([
			...extents[area].directories,
			...[...(extents[area].named ?? [])].map((directory) => dirname(directory)),
		]);
		if (top === undefined) continue;
		tops.set(area, top);
		prefixes.set(area, freePrefix(area, top, taken));
	}
	return {
		top: (area) => tops.get(area),
		place(area, path) {
			const top = tops.get(area);
			if (top === undefined || !isInside(top, path)) throw new RangeError(`${path} can't be placed in ${area}`);
			return toBundlePath(prefixes.get(area) ?? area, relative(top, path));
		},
	};
}

/** The area's name, or with underscores where others hold a path below it for another source. */
function freePrefix(area: Area, top: string, taken: ReadonlyMap<string, string>): string {
	const agrees = (prefix: string) =>
		[...taken].every(
			([path, source]) =>
				path !== prefix && (!path.startsWith(`${prefix}/`) || source === join(top, path.slice(prefix.length + 1))),
		);
	let prefix: string = area;
	while (!agrees(prefix)) prefix += "_";
	return prefix;
}

/** The deepest directory that holds all of `directories`. */
export function commonDirectory(directories: Iterable<string>): string | undefined {
	let common: string | undefined;
	for (const directory of directories) {
		common ??= directory;
		while (!isInside(common, directory)) common = dirname(common);
	}
	return common;
}

/** Joins with `/`, whatever the system's separator; "" for the bundle itself. */
export function toBundlePath(...parts: readonly string[]): string {
	const path = join(...parts)
		.split(sep)
		.join("/");
	return path === "." ? "" : path.replace(/\/$/, "");
}

/** How a file in the bundle directory `from` writes the bundle path `to`: with `./` or `../` in front, so that it means a file anywhere. */
export function relativeReference(from: string, to: string): string {
	const path = relative(`/${from}`, `/${to}`).split(sep).join("/");
	if (path === "") return ".";
	return path.startsWith("../") || path === ".." ? path : `./${path}`;
}
