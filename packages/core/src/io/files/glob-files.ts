import { globSync as tinyGlobSync } from "tinyglobby";

export interface GlobOptions {
	/** Patterns to leave out. */
	readonly ignore?: readonly string[];
	/** Match without regard to letter case. */
	readonly ignoreCase?: boolean;
}

/** Files below `directory` that match `patterns`, absolute and sorted. `.git` and `node_modules` are never entered. */
export function globFiles(
	patterns: string | readonly string[],
	directory: string,
	options: GlobOptions = {},
): string[] {
	return tinyGlobSync(typeof patterns === "string" ? [patterns] : [...patterns], {
		cwd: directory,
		absolute: true,
		dot: true,
		onlyFiles: true,
		followSymbolicLinks: false,
		expandDirectories: false,
		caseSensitiveMatch: options.ignoreCase !== true,
		ignore: ["**/.git/**", "**/node_modules/**", ...(options.ignore ?? [])],
	}).sort();
}
