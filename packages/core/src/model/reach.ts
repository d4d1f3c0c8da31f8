import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath } from "../io/files/stat-path.ts";
import type { DiskView } from "./disk-view.ts";
import { type EvalScope, rootNames } from "./eval-scope.ts";
import { outsideRoot } from "./load-findings.ts";
import { type PathText, type ResolvedPath, resolvePath } from "./path-text.ts";

/** A path in a file, with its location. */
export interface NamedPath {
	/** As written. */
	readonly raw: string;
	/** Noun in messages: `input file`. */
	readonly kind: string;
	readonly at: Place;
}

/** Returns the real path if it is outside the root, directly or through links. */
export function pathOutside(path: string, { root }: Pick<EvalScope, "root">): string | undefined {
	const real = realPath(path);
	return isInside(root, real) || isInside(realPath(root), real) ? undefined : real;
}

/** Undefined if `path` is inside the root, or the user allows it. */
export function outOfReach(path: string, { raw, kind, at }: NamedPath, scope: EvalScope): Diagnostic | undefined {
	if (!scope.reach || scope.reach.ownFiles.includes(at.file)) return undefined;
	const real = pathOutside(path, scope);
	if (real === undefined || scope.reach.allowed.some((allowed) => isInside(allowed, real))) return undefined;
	const { option } = scope.reach;
	return finding(outsideRoot, { raw, kind, boundary: rootNames[scope.rootKind], real, option }, at);
}

/** @throws AgentvError `config` if a run may not read `path` */
export function refuseOutOfReach(path: string, named: NamedPath, scope: EvalScope): void {
	const refused = outOfReach(path, named, scope);
	if (!refused) return;
	throw new AgentvError("config", refused.message, { diagnostics: [refused] });
}

/**
 * Resolves a path immediately before opening it. It is checked again: a link can have changed since
 * the run was planned.
 * @throws AgentvError `config` if it is not allowed
 */
export function resolveWithinReach(text: PathText, kind: string, scope: EvalScope, view: DiskView): ResolvedPath {
	const resolved = resolvePath(text, scope, view);
	if (resolved.found !== undefined) refuseOutOfReach(resolved.path, { raw: text.raw, kind, at: text.at }, scope);
	return resolved;
}
