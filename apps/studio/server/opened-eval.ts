import { relative, sep } from "node:path";
import {
	type DiskView,
	type Environment,
	evalEnvironment,
	type LoadedEval,
	loadEval,
	loadTargets,
	openDiskView,
	type Place as SourcePlace,
	type TargetScope,
	type TargetUse,
	usedTargets,
} from "@agentv/core";
import type { FoundEval } from "./eval-finder.ts";
import { evalRedactors } from "./eval-redactors.ts";
import type { Services } from "./services.ts";

/** A loaded eval with its context. */
export interface OpenedEval {
	readonly found: FoundEval;
	readonly view: DiskView;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	/** Variables for the eval's `${{ }}`: the process environment and `.env` files. */
	readonly env: Environment;
	/** Replaces variable values by `${{ NAME }}` and credentials by `***`. For interpolated texts. */
	readonly redact: (text: string) => string;
	/** Redacts credentials in source text without changing its line numbers. */
	readonly redactWritten: (text: string) => string;
	/** Returns a path relative to the eval's place. */
	shown(file: string): string;
	/** Returns `evals/a.eval.yaml:12`. */
	where(at: SourcePlace): string;
}

/** Loads an eval by id and resolves its targets. */
export async function openEval(id: string, { evals, options }: Services): Promise<OpenedEval> {
	const found = await evals.find(id);
	const view = openDiskView();
	const loaded = loadEval(found.file, { view, env: options.env, cwd: options.cwd });
	const env = evalEnvironment(loaded.scope, options.env, view);
	const targets = loadTargets(loaded.scope, { view, env });
	const shown = (file: string) => shownPath(found.place.root, file);
	return {
		found,
		view,
		loaded,
		targets,
		uses: usedTargets(loaded, targets),
		env,
		...evalRedactors(loaded, targets, env),
		shown,
		where: (at) => {
			const line = (loaded.locate(at) ?? targets.locate(at))?.start.line ?? at.line;
			return line === undefined ? shown(at.file) : `${shown(at.file)}:${line}`;
		},
	};
}

/** Returns a path relative to `root`, with `/`. */
export function shownPath(root: string, file: string): string {
	return relative(root, file).split(sep).join("/");
}
