import type { Place } from "../base/diagnostic.ts";
import { type ReferenceKind, referenceNoun } from "../model/reference.ts";
import type { EvalContext } from "./eval-context.ts";
import { neededPaths } from "./path-references.ts";

/** A file or directory that belongs to an eval, and the place that says so. */
export interface EvalFile {
	readonly path: string;
	/** How messages call it. */
	readonly kind: string;
	readonly at: Place;
	/** A directory that comes along with all that is in it. */
	readonly whole: boolean;
}

/** Directories of these kinds are looked into for what is named otherwise, or worked in: not all that is there is needed. */
const notWhole: ReadonlySet<ReferenceKind> = new Set(["tests", "working-directory"]);

/** The eval itself, the target files it uses, and everything on disk that it refers to, each once. */
export function evalFiles(context: EvalContext): EvalFile[] {
	const { loaded, uses } = context;
	const files = new Map<string, EvalFile>();
	const add = (file: EvalFile) => files.has(file.path) || files.set(file.path, file);
	const top: Place = { file: loaded.file, path: [] };
	add({ path: loaded.file, kind: "the eval", at: top, whole: false });
	for (const reference of neededPaths(context)) {
		const { kind, onDisk, state, resolved, at, glob } = reference;
		if (onDisk === "missing" || state === "outside-root" || glob) continue;
		add({ path: resolved, kind: referenceNoun(reference), at, whole: onDisk === "directory" && !notWhole.has(kind) });
	}
	for (const { resolution, choice } of uses) {
		const via = resolution.ok ? resolution.target.via : resolution.via;
		for (const { definition } of via) add({ path: definition.file, kind: "targets file", at: choice.at, whole: false });
	}
	return [...files.values()];
}
