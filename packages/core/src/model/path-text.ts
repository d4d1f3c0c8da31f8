import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Place } from "../base/diagnostic.ts";
import { isInside } from "../io/files/path-inside.ts";
import type { PathKind } from "../io/files/stat-path.ts";
import type { DiskView } from "./disk-view.ts";
import { type EvalScope, withParents } from "./eval-scope.ts";

/** A path as written, with the directory it is relative to. */
export interface PathText {
	/** After `${{ }}`; with a `file://` prefix. */
	readonly raw: string;
	readonly at: Place;
	/** Absolute directory of the file that contains it. */
	readonly base: string;
}

export type PathFound = "direct" | "absolute" | "from-root" | "parent-search" | "other-case";

export interface ResolvedPath {
	/** Absolute path; if not found, where it should be. */
	readonly path: string;
	readonly found: PathFound | undefined;
	readonly kind: PathKind;
	/** The path contains `{{workspace_path}}` or another run-time value. */
	readonly runTime: boolean;
}

/** Older evals also search the parent directories up to the root. */
export function resolvePath(text: PathText, scope: EvalScope, view: DiskView): ResolvedPath {
	const raw = stripScheme(text.raw);
	if (raw.includes("}}", raw.indexOf("{{") + 2) && raw.includes("{{"))
		return { path: raw, found: undefined, kind: "missing", runTime: true };
	const asked = raw.replaceAll("\\", "/");
	const here = (path: string, found: PathFound): ResolvedPath | undefined => {
		const kind = view.kind(path);
		return kind === "missing" ? undefined : { path, found, kind, runTime: false };
	};
	const direct = resolve(text.base, asked);
	if (isAbsolute(asked)) {
		return here(asked, "absolute") ?? here(join(scope.root, asked), "from-root") ?? missing(direct);
	}
	const exact = here(resolve(text.base, raw), "direct") ?? here(direct, "direct");
	if (exact) return exact;
	const cased = view.otherCase(direct);
	if (cased !== undefined && isInside(scope.root, cased)) return here(cased, "other-case") ?? missing(direct);
	if (!isInside(scope.root, text.base)) return missing(direct);
	for (const parent of withParents(dirname(text.base), scope.root)) {
		if (!isInside(scope.root, parent)) break;
		const found = here(resolve(parent, asked), "parent-search");
		if (found && isInside(scope.root, found.path)) return found;
	}
	return missing(direct);
}

export function stripScheme(raw: string): string {
	return raw.startsWith("file://") ? raw.slice("file://".length) : raw;
}

function missing(path: string): ResolvedPath {
	return { path, found: undefined, kind: "missing", runTime: false };
}

/** Returns whether a file or image is a URL or inline data, so that it has no path. */
export function isAddress(text: string): boolean {
	return /^(https?:\/\/|data:)/i.test(text);
}
