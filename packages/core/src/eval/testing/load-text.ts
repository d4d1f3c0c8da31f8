import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import type { LoadedEval } from "../eval-types.ts";
import { loadEval } from "../load-eval.ts";
import { openDiskView } from "../source.ts";

/** Loads `eval.yaml` (or the file `entry`) of a tree whose root is its directory. */
export function loadTree(
	files: Record<string, string>,
	{ entry = "eval.yaml", env = {} }: { readonly entry?: string; readonly env?: Readonly<Record<string, string>> } = {},
): LoadedEval {
	const root = tempTree(files);
	return loadEval(join(root, entry), { view: openDiskView(), env, cwd: root });
}

/** Returns findings as `file:line:column severity rule message`. */
export function findingsOf(loaded: LoadedEval): string[] {
	const directory = `${loaded.scope.directory}/`;
	return loaded.diagnostics.map(({ rule, severity, message, at }) => {
		const start = loaded.locate(at)?.start;
		return `${at.file.replace(directory, "")}:${start?.line}:${start?.column} ${severity} ${rule} ${message}`;
	});
}

/** Returns an eval with one test that has these additional lines. */
export function oneTest(...lines: readonly string[]): string {
	return ["tests:", "  - id: a", ...lines.map((line) => `    ${line}`), ""].join("\n");
}
