import { join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { splitGlob } from "../io/files/glob-files.ts";
import type { DiskView } from "../model/disk-view.ts";
import { withParents } from "../model/eval-scope.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { executedCommands } from "../model/executed-commands.ts";
import { loadEval } from "../model/load-eval.ts";
import { loadTargets, type TargetCache, targetFileNames } from "../model/load-targets.ts";
import { collectReferences, type Reference } from "../model/references.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import { scriptClosure } from "../model/script-closure/script-closure.ts";
import { resolvedTargets, usedTargets } from "../model/used-targets.ts";
import type { ExecutableChange } from "./sync-types.ts";

/** How to load evals: from the work tree as it is, or as it will be. */
export interface Side {
	readonly view: DiskView;
	readonly env: Environment;
	/** The benchmark's directory. */
	readonly root: string;
	readonly targetCache: TargetCache;
}

/** An eval on one side, with all its references. */
export interface EvalSide {
	readonly loaded: LoadedEval;
	readonly targets: readonly ResolvedTarget[];
	readonly references: readonly Reference[];
}

/** Loads an eval; undefined if it does not exist. Its problems are not reported here. */
export function evalSide(file: string, { view, env, root, targetCache: cache }: Side): EvalSide | undefined {
	if (view.kind(file) !== "file") return undefined;
	try {
		const loaded = loadEval(file, { view, env, cwd: root });
		const targets = resolvedTargets(usedTargets(loaded, loadTargets(loaded.scope, { view, env, cache })));
		return { loaded, targets, references: collectReferences(loaded, targets, view).files };
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

/** Returns an eval's sources, references, and searched locations. */
export function watchedPaths({ loaded, references }: EvalSide): string[] {
	const { directory, root } = loaded.scope;
	const around = [...withParents(directory, root)].flatMap((at) => [
		join(at, ".env"),
		...targetFileNames.map((name) => join(at, name)),
	]);
	const read = [...loaded.sources.keys(), join(directory, "PROMPT.md")];
	const globs = loaded.files.flatMap(({ path }) =>
		/[*?[\]{}]/.test(path.raw) ? [resolve(path.base, splitGlob(path.raw).base)] : [],
	);
	return [
		loaded.file,
		...around,
		...read,
		...globs,
		...references.flatMap(({ state, resolved }) => (state === "run-time" ? [] : [resolved])),
	];
}

type Kind = ExecutableChange["kind"];
const kinds: Partial<Record<Reference["kind"], Kind>> = {
	hook: "hook",
	grader: "grader",
	"custom-grader": "grader",
	extension: "extension",
	"target-command": "target",
	healthcheck: "target",
	preprocessor: "command",
	"prompt-command": "command",
};

/** Command lines by `kind` and name, and script files with their imports. */
export interface Executed {
	readonly commands: readonly { readonly kind: Kind; readonly name: string; readonly text: string }[];
	/** Absolute path → what it is part of. */
	readonly scripts: ReadonlyMap<string, Kind>;
}

export function executedBy({ loaded, targets, references }: EvalSide, { view }: Side): Executed {
	const scripts = new Map<string, Kind>();
	const { root } = loaded.scope;
	for (const reference of references) {
		const kind = kinds[reference.kind];
		if (kind === undefined || reference.onDisk !== "file" || scripts.has(reference.resolved)) continue;
		const closure = scriptClosure([reference.resolved], { view, root });
		for (const file of closure.files) if (!scripts.has(file)) scripts.set(file, kind);
	}
	const commands = executedCommands(loaded, targets).map(({ kind, name, text }) => {
		return {
			kind: kind === "healthcheck" ? "target" : kind === "preprocessor" || kind === "prompt" ? "command" : kind,
			name,
			text,
		} as const;
	});
	return { commands, scripts };
}
