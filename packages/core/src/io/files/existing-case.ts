import { readdirSync } from "node:fs";
import { join, parse, relative, resolve, sep } from "node:path";
import { errnoCode, fileError, isResourceError } from "./file-error.ts";

/** Folds what file systems may fold: letter case and Unicode composition. */
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
 * How the asked path is really spelled on disk: equal to the (resolved) path when the letters agree, another spelling when
 * they differ only in case or composition, undefined when nothing of that name exists. Answers the same on file systems that
 * tell case apart and on those that don't. Components above `below` (default: the file system's root) are taken as given.
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
