import { isAbsolute, relative, resolve, sep } from "node:path";
import { type Diagnostic, type FindingKind, finding, type Place } from "../base/diagnostic.ts";
import { globFiles } from "../io/files/glob-files.ts";
import { isInside } from "../io/files/path-inside.ts";
import type { DiskView } from "./disk-view.ts";

export interface IncludedFiles {
	/** Absolute, sorted. */
	readonly files: readonly string[];
	/** `.env` files that a pattern names explicitly. */
	readonly dotEnv: ReadonlySet<string>;
	readonly diagnostics: readonly Diagnostic[];
}

/** Directory entries that all patterns of an eval may visit. */
const mostEntries = 1_000_000;

/** Returns files that match `patterns` but not `exclude`. A directory includes all its files. */
export function includedFiles(
	patterns: readonly { readonly pattern: string; readonly at: Place }[],
	exclude: readonly string[],
	directory: string,
	view: DiskView,
): IncludedFiles {
	const files = new Set<string>();
	const dotEnv = new Set<string>();
	const diagnostics: Diagnostic[] = [];
	const budget = { left: mostEntries };
	for (const { pattern, at } of patterns) {
		const goal = resolve(directory, pattern);
		if (!isInside(directory, goal.replace(/[*?[{].*$/s, ""))) {
			diagnostics.push(finding(includeAbove, { pattern }, at));
			continue;
		}
		const glob = (isAbsolute(pattern) ? relative(directory, pattern) : pattern).split(sep).join("/");
		const kind = view.kind(goal);
		const found =
			kind === "file"
				? [goal]
				: globFiles(
						kind === "directory" ? `${escapeGlob(relative(directory, goal) || ".")}/**` : glob.replace(/^\.\//, ""),
						directory,
						{ ignore: exclude, budget },
					);
		if (found.length === 0) diagnostics.push(finding(includeMatchesNothing, { pattern, directory }, at));
		for (const file of found) {
			files.add(file);
			if (/(^|\/)\.env$/.test(pattern) && file.endsWith(`${sep}.env`)) dotEnv.add(file);
		}
	}
	return { files: [...files].sort(), dotEnv, diagnostics };
}

function escapeGlob(path: string): string {
	return path
		.split(sep)
		.join("/")
		.replace(/[*?[\]{}()!]/g, "\\$&");
}

const includeMatchesNothing: FindingKind<{ pattern: string; directory: string }> = {
	rule: "bundle.include",
	severity: "error",
	message: ({ pattern, directory }) => `the include ${JSON.stringify(pattern)} matches no file below ${directory}`,
};

const includeAbove: FindingKind<{ pattern: string }> = {
	rule: "bundle.include",
	severity: "error",
	message: ({ pattern }) => `the include ${JSON.stringify(pattern)} is outside the eval's directory`,
	hint: () => "included files keep their path relative to the eval, so they must be below it",
};
