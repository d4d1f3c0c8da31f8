import { resolve } from "node:path";
import { parseCommand } from "../model/command.ts";
import { stripScheme } from "../model/path-text.ts";
import type { Reference, References } from "../model/reference.ts";
import { areaOf, type BundlePlaces } from "./bundle-places.ts";
import type { GatheredSources } from "./gather-sources.ts";
import { relativeReference } from "./layout.ts";
import type { RawValues } from "./raw-values.ts";

/** `file://` stays in front of what had it, an extension's `:beforeAll` behind. */
export function rewritePath(
	written: string,
	references: readonly Reference[],
	from: string,
	places: BundlePlaces,
): string | undefined {
	const [first] = references;
	if (!first) return undefined;
	const suffix = first.kind === "extension" ? (/:[A-Za-z]+$/.exec(written)?.[0] ?? "") : "";
	const scheme = written.startsWith("file://") ? "file://" : "";
	const path = rewriteTarget(written.slice(scheme.length, written.length - suffix.length), references, from, places);
	if (path === undefined) return undefined;
	// A word without a slash would be no path.
	return `${scheme}${/^\.{1,2}$/.test(path) ? `${path}/` : path}${suffix}`;
}

/**
 * What a path is in the bundle. Where a test's variables make several paths of one text, the part before the first variable is
 * rewritten and the rest stays: relative structure is kept, so that all of them are right.
 */
function rewriteTarget(
	written: string,
	references: readonly Reference[],
	from: string,
	places: BundlePlaces,
): string | undefined {
	const targets = new Set(references.map((reference) => places.target(reference)));
	const [only] = targets;
	if (targets.size === 1) return only === undefined ? undefined : relativeReference(from, only);
	const [first] = references;
	const fixed = /^[^{]*\//.exec(written)?.[0];
	if (!first || !written.includes("{{") || fixed === undefined) return undefined;
	const directory = resolve(first.base, stripScheme(fixed));
	const place = places.inArea(first.kind, directory);
	return place === undefined ? undefined : `${relativeReference(from, place)}/${written.slice(fixed.length)}`;
}

/** Gives the directories a place that paths with a test's variables begin with. */
export function anchorVariablePaths(references: References, raw: RawValues, contents: GatheredSources["areas"]): void {
	for (const { kind, at, base } of references.files) {
		const written = raw.at(at);
		if (typeof written !== "string" || !/(?<!\$)\{\{/.test(written) || kind === "tests" || kind === "metadata-file")
			continue;
		const fixed = /^[^{]*\//.exec(stripScheme(written))?.[0];
		const content = contents[areaOf(kind)];
		if (fixed !== undefined && !content.isEmpty()) content.anchors.add(resolve(base, fixed));
	}
}

/**
 * A string command with some of its words replaced (`replaced` by index), everything else as it was written. Undefined where
 * its words can't be told apart before its variables are replaced.
 */
export function replaceWords(written: string, replaced: ReadonlyMap<number, string>): string | undefined {
	const parsed = parseCommand(written);
	if (parsed.kind === "shell") return undefined;
	let text = "";
	let done = 0;
	for (const word of parsed.words) {
		const replacement = replaced.get(word.index);
		if (replacement === undefined) continue;
		text += written.slice(done, word.range[0]) + quoteWord(replacement);
		done = word.range[1];
	}
	return text + written.slice(done);
}

/** A word as a command line says it, so that it is read back as it is. */
export function quoteWord(word: string): string {
	if (/^[\w@%+=:,./-]+$/.test(word)) return word;
	if (!word.includes("'")) return `'${word}'`;
	return word.replace(/[^\w@%+=:,./-]/g, (character) => `\\${character}`);
}
