import { readdirSync } from "node:fs";
import { join, parse, relative, resolve, sep } from "node:path";
import { errnoCode, fileError, isResourceError } from "./file-error.ts";

/** Folds what file systems can fold: letter case and Unicode composition. */
function folded(name: string): string {
	return name.normalize("NFC").toLowerCase();
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (errnoCode(error) === undefined || isResourceError(error)) throw fileError(directory, error);
		return [];
	}
}

/**
 * Returns how a path is spelled on disk: the (resolved) path itself if it matches exactly, another
 * spelling if only case or composition differ, undefined if nothing of that name exists. The result
 * is the same on case-sensitive and case-insensitive file systems. Components above `below`
 * (default: the file system's root) are not checked.
 */
export function existingCase(path: string, below?: string): string | undefined {
	const asked = resolve(path);
	let found = below === undefined ? parse(asked).root : resolve(below);
	for (const part of relative(found, asked).split(sep)) {
		if (part === "" || part === "..") {
			found = join(found, part);
			continue;
		}
		const names = namesIn(found);
		const name = names.includes(part) ? part : names.find((candidate) => folded(candidate) === folded(part));
		if (name === undefined) return undefined;
		found = join(found, name);
	}
	return found;
}
