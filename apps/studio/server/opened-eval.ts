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

/** An eval with what its answers are made of. */
export interface OpenedEval {
	readonly found: FoundEval;
	readonly view: DiskView;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	/** What the eval's `${{ }}` are filled from: the process environment and its `.env` files. */
	readonly env: Environment;
	/** Puts `${{ NAME }}` for a variable's value, `***` for credentials. For every text that was filled in. */
	readonly redact: (text: string) => string;
	/** Takes credentials out of a text as it is written, and leaves its lines where they are. */
	readonly redactWritten: (text: string) => string;
	/** A file as it is shown: relative to the eval's place. */
	shown(file: string): string;
	/** `evals/a.eval.yaml:12`. */
	where(at: SourcePlace): string;
}

/** Loads the eval `id` means, its targets resolved. */
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

/** A file relative to a directory, `/` between components. */
export function shownPath(root: string, file: string): string {
	return relative(root, file).split(sep).join("/");
}
