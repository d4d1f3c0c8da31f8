import { dirname, relative, resolve, sep } from "node:path";
import { hasErrors } from "../../base/diagnostic.ts";
import type { Environment } from "../../io/environment.ts";
import { throwIfAborted } from "../../io/files/throw-if-aborted.ts";
import { type DiskView, openDiskView } from "../../model/disk-view.ts";
import { evalEnvironment } from "../../model/eval-environment.ts";
import { isBundle } from "../../model/eval-scope.ts";
import type { LoadedEval } from "../../model/eval-types.ts";
import { findEvals } from "../../model/find-evals.ts";
import { loadEval } from "../../model/load-eval.ts";
import { loadTargets, type TargetScope, targetCache } from "../../model/load-targets.ts";
import { type TargetUse, usedTargets } from "../../model/used-targets.ts";

/** An eval, and what it can see. */
export interface ExaminedEval {
	/** Its path as seen from the current directory. */
	readonly label: string;
	readonly loaded: LoadedEval;
	readonly env: Environment;
	readonly scope: TargetScope;
	readonly uses: readonly TargetUse[];
	/** It has faults: there may be more that it needs. */
	readonly isBroken: boolean;
}

export interface ExaminedEvals {
	readonly evals: readonly ExaminedEval[];
	/** There are more than were looked at. */
	readonly isCut: boolean;
	readonly view: DiskView;
}

export interface ExamineOptions {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Absolute eval files; default: those below the current directory. */
	readonly evals?: readonly string[] | undefined;
	/** Targets that stand in for the evals' own. */
	readonly targets?: readonly string[] | undefined;
	readonly targetsFile?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

const mostDirectories = 5000;
const mostEvals = 500;

/** Loads the evals that are asked about. Runs nothing. @throws AgentvError `interrupted`, `not-found` */
export async function examineEvals(options: ExamineOptions): Promise<ExaminedEvals> {
	const { env, cwd, signal, targetsFile } = options;
	const view = openDiskView();
	const { files, isCut } = options.evals ? { files: options.evals, isCut: false } : await evalsBelow(cwd, view, signal);
	const cache = targetCache();
	const evals: ExaminedEval[] = [];
	for (const file of files.slice(0, mostEvals)) {
		await new Promise((done) => setImmediate(done));
		throwIfAborted(signal, "checking evals");
		const loaded = loadEval(file, { view, env, cwd });
		const own = evalEnvironment(loaded.scope, env, view);
		const given = targetsFile === undefined ? {} : { targetsFile };
		const scope = loadTargets(loaded.scope, { view, env: own, cache, ...given });
		evals.push({
			label: labelOf(file, cwd),
			loaded,
			env: own,
			scope,
			uses: usedTargets(loaded, scope, options.targets),
			isBroken: hasErrors(loaded.diagnostics),
		});
	}
	return { evals, isCut: isCut || files.length > mostEvals, view };
}

async function evalsBelow(cwd: string, view: DiskView, signal: AbortSignal | undefined) {
	const found = await findEvals(cwd, { maxDirectories: mostDirectories, signal });
	const all = found.files.map((file) => resolve(cwd, file));
	// A bundle is one eval, whatever lies in its template.
	const bundles = all.map((file) => dirname(file)).filter((directory) => isBundle(directory, view));
	const isInner = (file: string) =>
		bundles.some((bundle) => file.startsWith(`${bundle}${sep}`) && file !== resolve(bundle, "eval.yaml"));
	return { files: all.filter((file) => !isInner(file)), isCut: found.cut };
}

function labelOf(file: string, cwd: string): string {
	const way = relative(cwd, file);
	return way === "" || way.startsWith("..") ? file : way.split(sep).join("/");
}
