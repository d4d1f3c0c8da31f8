import type { Place } from "../base/diagnostic.ts";
import { referenceNoun } from "./about-reference.ts";
import type { EvalContext } from "./eval-context.ts";
import { pathReferences } from "./path-references.ts";

/** A file or directory that belongs to an eval, and the place that says so. */
export interface EvalFile {
	readonly path: string;
	/** How messages call it. */
	readonly kind: string;
	readonly at: Place;
}

/** The eval itself, the target files it uses, and everything on disk that it refers to, each once. */
export function evalFiles(context: EvalContext): EvalFile[] {
	const { loaded, uses } = context;
	const files = new Map<string, EvalFile>();
	const add = (file: EvalFile) => files.has(file.path) || files.set(file.path, file);
	const top: Place = { file: loaded.file, path: [] };
	add({ path: loaded.file, kind: "the eval", at: top });
	for (const reference of pathReferences(context)) {
		if (reference.onDisk === "missing" || reference.state === "outside-root") continue;
		add({ path: reference.resolved, kind: referenceNoun(reference), at: reference.at });
	}
	for (const { resolution, choice } of uses) {
		const via = resolution.ok ? resolution.target.via : resolution.via;
		for (const { definition } of via) add({ path: definition.file, kind: "targets file", at: choice.at });
	}
	return [...files.values()];
}
