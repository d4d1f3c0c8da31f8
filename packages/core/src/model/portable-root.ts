import { dirname } from "node:path";
import { isInside } from "../io/files/path-inside.ts";
import type { LoadedEval } from "./eval-types.ts";
import type { References } from "./reference.ts";

/** Returns the smallest directory with everything that the eval needs from its root. */
export function portableRoot(loaded: LoadedEval, references: References, more: readonly string[] = []): string {
	const needed = references.files
		.filter((reference) => reference.state === "ok" || reference.state === "outside-eval")
		.map((reference) => reference.resolved)
		.concat(more.filter((path) => isInside(loaded.scope.root, path)));
	let root = loaded.scope.directory;
	while (root !== loaded.scope.root && !needed.every((path) => isInside(root, path))) root = dirname(root);
	return root;
}
