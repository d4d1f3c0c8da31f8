import { resolve } from "node:path";
import { lookUp } from "../base/look-up.ts";
import type { Suite } from "./eval-types.ts";
import type { Loading } from "./loading.ts";
import type { PathText } from "./path-text.ts";
import { type Part, placeOf } from "./source.ts";

/** Joins lists without repeats; the test's scalar wins. */
export function mergeMetadata(
	shared: Readonly<Record<string, unknown>>,
	own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
	const merged: Record<string, unknown> = { ...shared, ...own };
	for (const [key, value] of Object.entries(own)) {
		const before = lookUp(shared, key);
		if (Array.isArray(before) && Array.isArray(value)) merged[key] = [...new Set([...before, ...value])];
	}
	return merged;
}

/** Strings under `…_file` and `…_path` count if the file exists. */
export function metadataFiles(
	metadata: Readonly<Record<string, unknown>>,
	part: Part,
	base: string,
	suite: Suite,
	loading: Loading,
): PathText[] {
	const found: PathText[] = [];
	const own = (part.value as { metadata?: Record<string, unknown> }).metadata ?? {};
	const look = (value: unknown, path: (string | number)[]): void => {
		if (Array.isArray(value)) for (const [index, item] of value.entries()) look(item, [...path, index]);
		else if (typeof value === "object" && value !== null)
			for (const [key, item] of Object.entries(value)) look(item, [...path, key]);
		else if (typeof value === "string" && value !== "" && isFileKey(path)) {
			const at = Object.hasOwn(own, path[0] as string) ? placeOf(part, ["metadata", ...path]) : part.at;
			const directory = [suite.scope.directory, base].find(
				(candidate) => loading.view.kind(resolve(candidate, value)) !== "missing",
			);
			if (directory) found.push({ raw: value, at, base: directory });
		}
	};
	look(metadata, []);
	return found;
}

function isFileKey(path: readonly (string | number)[]): boolean {
	const key = [...path].reverse().find((part) => typeof part === "string");
	return typeof key === "string" && /_(file|path)s?$/.test(key);
}
