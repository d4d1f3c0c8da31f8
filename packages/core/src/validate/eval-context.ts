import type { Diagnostic, Place } from "../base/diagnostic.ts";
import type { SourceRange } from "../base/yaml-document.ts";
import { evalEnvironment } from "../model/eval-environment.ts";
import type { LoadedEval, TestCase } from "../model/eval-types.ts";
import { loadEval } from "../model/load-eval.ts";
import { loadTargets, type TargetScope } from "../model/load-targets.ts";
import { findingKey } from "../model/loading.ts";
import { portableRoot } from "../model/portable-root.ts";
import type { Reference, References } from "../model/reference.ts";
import { collectReferences } from "../model/references.ts";
import { resolvedTargets, type TargetUse, usedTargets } from "../model/used-targets.ts";
import type { RepositoryFacts } from "./repository-facts.ts";
import type { ValidationRun } from "./validation-run.ts";

/** One eval as the rules see it: loaded, its targets resolved, its references walked. */
export interface EvalContext {
	readonly run: ValidationRun;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	readonly references: References;
	/** The smallest directory that holds everything the eval needs; absolute. */
	readonly root: string;
	/** What loading the eval, its targets and following them found, in this order and each once. */
	readonly findings: readonly Diagnostic[];
	/** What several rules work out alike; filled by the first that asks. */
	readonly remembered: { paths?: readonly Reference[]; odd?: readonly Reference[]; prompts?: readonly TestPrompts[] };
	locate(place: Place): SourceRange | undefined;
}

/** A text that a target is asked with, and where it stands. */
export interface PromptText {
	readonly text: string;
	readonly at: Place;
}

export interface TestPrompts {
	readonly test: TestCase;
	readonly prompts: readonly PromptText[];
}

/** Loads `file` and everything that the rules judge. Throws `AgentvError` only where the file cannot be read. */
export function evalContext(file: string, run: ValidationRun): EvalContext {
	const { view, env, cwd } = run;
	const loaded = loadEval(file, { view, env, cwd, reach: { allowed: run.ownLinks, ownFiles: [] } });
	const { scope } = loaded;
	const targets = loadTargets(scope, {
		view,
		env: evalEnvironment(scope, env, view),
		cache: run.targetFiles,
		...(run.targetsFile === undefined ? {} : { targetsFile: run.targetsFile }),
	});
	const uses = usedTargets(loaded, targets);
	const references = collectReferences(loaded, resolvedTargets(uses), view);
	return {
		run,
		loaded,
		targets,
		uses,
		references,
		root: portableRoot(loaded, references, targetFiles(uses)),
		findings: distinct([
			...loaded.diagnostics,
			...targetFileFindings(targets, uses, scope.directory),
			...uses.flatMap(({ resolution }) => resolution.diagnostics),
		]),
		remembered: {},
		locate: (place) => loaded.locate(place) ?? targets.locate(place),
	};
}

/** The repository that the eval lies in, asked for by those who need it; undefined without one (a bundle needs none). */
export function repositoryOf({ loaded, run }: EvalContext): RepositoryFacts | undefined {
	const { rootKind, root } = loaded.scope;
	return rootKind === "repository" ? run.repositories.of(root) : undefined;
}

/** Errors of every target file on the way count; warnings only in files that the eval really uses. */
function targetFileFindings(targets: TargetScope, uses: readonly TargetUse[], directory: string): Diagnostic[] {
	const used = new Set(targetFiles(uses));
	return targets.diagnostics.filter(
		({ severity, at }) => severity === "error" || used.has(at.file) || at.file.startsWith(`${directory}/targets.`),
	);
}

/** The files that define the targets in use. */
function targetFiles(uses: readonly TargetUse[]): string[] {
	return uses.flatMap(({ resolution }) =>
		(resolution.ok ? resolution.target.via : resolution.via).map(({ definition }) => definition.file),
	);
}

function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	const seen = new Set<string>();
	return diagnostics.filter((one) => seen.size < seen.add(findingKey(one)).size);
}
