import { relative, sep } from "node:path";
import { shownPath as shownIn } from "../eval/discover-evals.ts";
import type { LoadedEval, Workspace, WorkspaceRepo } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import {
	loadTargets,
	type TargetCache,
	type TargetDefinition,
	type TargetScope,
	targetCache,
} from "../eval/load-targets.ts";
import { findingKey } from "../eval/loading.ts";
import { type ReferenceKind, referenceNoun } from "../eval/read-shape.ts";
import {
	collectReferences,
	isSystemPath,
	portableRoot,
	type Reference,
	type References,
	type TreeFaults,
	treeFaults,
} from "../eval/references.ts";
import { resolvedTargets, type TargetHop, type TargetUse, usedTargets } from "../eval/resolve-target.ts";
import { type DiskView, type PlacedVariable, type Source, valueBelow } from "../eval/source.ts";
import { ownLinks } from "../eval/trust.ts";
import { AgentvError, type Diagnostic, type DocumentPath, type Place } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import type { Environment } from "../machine/environment.ts";
import { isGitsOwn } from "../workspace/change-store.ts";
import { type RepositoryFacts, repositoryFacts } from "./repository-facts.ts";

/** An eval for the rules: loaded, its targets resolved, its references collected. */
export interface EvalContext {
	readonly run: ValidationRun;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	readonly references: References;
	/** The smallest directory with everything that the eval needs; absolute. */
	readonly root: string;
	/** Findings of loading the eval and its targets, in this order and each once. */
	readonly findings: readonly Diagnostic[];
	/** Shared results of several rules, computed on first use. */
	readonly memo: Map<string, unknown>;
}

/**
 * Loads `file` and everything that the rules check. @throws AgentvError only if it is unreadable
 */
export function evalContext(file: string, run: ValidationRun): EvalContext {
	const { view, env, cwd } = run;
	const loaded = loadEval(file, { view, env, cwd, reach: { allowed: run.ownLinks, ownFiles: [] } });
	const { scope } = loaded;
	const targets = loadTargets(scope, {
		view,
		env: evalEnvironment(scope, env, view),
		cache: run.targetFiles,
		targetsFile: run.targetsFile,
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
		memo: new Map(),
	};
}

/** Returns the eval's repository, looked up on first use; undefined for bundles and others. */
export function repositoryOf({ loaded, run }: EvalContext): RepositoryFacts | undefined {
	const { rootKind, root } = loaded.scope;
	return rootKind === "repository" ? repositoryFacts(root, run) : undefined;
}

/** Errors count in every target file of the search, warnings only in used ones. */
function targetFileFindings(targets: TargetScope, uses: readonly TargetUse[], directory: string): Diagnostic[] {
	const used = new Set(targetFiles(uses));
	return targets.diagnostics.filter(
		({ severity, at }) => severity === "error" || used.has(at.file) || at.file.startsWith(`${directory}/targets.`),
	);
}

function targetFiles(uses: readonly TargetUse[]): string[] {
	return uses.flatMap((use) => hopsOf(use).map(({ definition }) => definition.file));
}

/** Returns the chain of a target as far as it was resolved. */
export function hopsOf({ resolution }: TargetUse): readonly TargetHop[] {
	return resolution.ok ? resolution.target.via : resolution.via;
}

function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	const seen = new Set<string>();
	return diagnostics.filter((found) => seen.size < seen.add(findingKey(found)).size);
}

/** A file or directory of an eval, and where it is referenced. */
interface EvalFile {
	readonly path: string;
	/** Noun in messages. */
	readonly kind: string;
	readonly at: Place;
	/** Whether everything in the directory is needed. */
	readonly whole: boolean;
}

/** Directories of these kinds are searched or worked in: not all their files are needed. */
const notWhole: ReadonlySet<ReferenceKind> = new Set(["tests", "working-directory"]);

/** Returns the eval, its target files, and everything on disk that it refers to, each once. */
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
	for (const use of uses)
		for (const { definition } of hopsOf(use))
			add({ path: definition.file, kind: "targets file", at: use.choice.at, whole: false });
	return [...files.values()];
}

/** Skips repositories, which have their own rules, and system programs. */
export function pathReferences(context: EvalContext): readonly Reference[] {
	return remembered(context.memo, "paths", () => neededPaths(context).filter(({ listed }) => !listed));
}

/** Adds files from a directory or glob of tests, which must be present, too. */
export function neededPaths(context: EvalContext): readonly Reference[] {
	return context.references.files.filter((reference) => reference.kind !== "repository" && !isSystemPath(reference));
}

/** Returns the needed paths that are unusual: most path rules ignore the others. */
export function oddReferences(context: EvalContext): readonly Reference[] {
	return remembered(context.memo, "odd paths", () =>
		pathReferences(context).filter(
			({ state, found, raw }) => state !== "ok" || found !== "direct" || raw.includes("\\"),
		),
	);
}

/** Returns `path` with `./` or `../`, and `/` between components. */
export function relativePath(directory: string, path: string): string {
	const way = relative(directory, path).split(sep).join("/");
	if (way === "") return "./";
	return way.startsWith("../") || way === ".." ? way : `./${way}`;
}

export function shownPath(path: string, { loaded }: EvalContext): string {
	return shownIn(path, loaded.scope);
}

function sourceOf(file: string, { loaded, targets }: EvalContext): Source | undefined {
	return loaded.sources.get(file) ?? targets.sources.get(file);
}

/** Returns the variables in the value at a place. */
export function variablesAt(place: Place, context: EvalContext): PlacedVariable[] {
	return (sourceOf(place.file, context)?.variables ?? []).filter(({ at }) => samePlace(at, place));
}

export function samePlace(a: Place, b: Place): boolean {
	return a.file === b.file && a.line === b.line && (a.path ?? []).join("\0") === (b.path ?? []).join("\0");
}

/** Returns the text at a place as written, including `${{ }}`; undefined if it is not text. */
export function writtenText(place: Place, context: EvalContext): string | undefined {
	const value = writtenValue(place, context);
	return typeof value === "string" ? value : undefined;
}

/** Returns the value at a place before `${{ }}`. */
export function writtenValue(place: Place, context: EvalContext): unknown {
	return valueBelow(sourceOf(place.file, context)?.raw(place.line), place.path ?? []);
}

export function usedDefinitions({ uses }: EvalContext): TargetDefinition[] {
	return [...new Set(uses.flatMap((use) => hopsOf(use).map(({ definition }) => definition)))];
}

/** Returns the variables of the eval's own files, and of its target definitions. */
export function usedVariables(context: EvalContext): PlacedVariable[] {
	const { loaded, targets } = context;
	const inTargets = usedDefinitions(context).flatMap(({ file, part }) =>
		(targets.sources.get(file)?.variables ?? []).filter(({ at }) => isBelow(at.path, part.at.path)),
	);
	return [...loaded.variables, ...inTargets];
}

export function isBelow(path: DocumentPath = [], above: DocumentPath = []): boolean {
	return above.every((key, index) => path[index] === key);
}

/** Returns every workspace of an eval: its suites' and its tests' own, each once. */
export function workspacesOf(loaded: LoadedEval): Workspace[] {
	const all = [loaded.suite, ...loaded.tests.map((test) => test.suite), ...loaded.tests];
	return [...new Set(all.flatMap(({ workspace }) => (workspace ? [workspace] : [])))];
}

interface PlacedRepo extends WorkspaceRepo {
	/** For messages: without credentials. */
	readonly shown: string;
}

/** Returns the repositories of an eval's workspaces, each path once. */
export function placedRepos(loaded: LoadedEval): PlacedRepo[] {
	const repos = workspacesOf(loaded).flatMap((workspace) => workspace.repos);
	const keyOf = ({ at: { file, line, path = [] } }: WorkspaceRepo) => [file, line ?? "", ...path].join("\0");
	return [...new Map(repos.map((repo) => [keyOf(repo), { ...repo, shown: redactUrl(repo.repo) }])).values()];
}

/** Returns a file's text; undefined for a binary or unreadable file, which is not searched. */
export function textOf(file: string, { view }: Pick<ValidationRun, "view">): string | undefined {
	try {
		return view.readText(file);
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

/** Returns what a run would refuse to copy of a directory. */
export function rememberedFaults(directory: string, run: ValidationRun): TreeFaults {
	return remembered(run.memo, `faults\0${directory}`, () => treeFaults(directory, isGitsOwn));
}

/** Shared state of one validation: everything is read once for all evals. */
export interface ValidationRun {
	readonly view: DiskView;
	/** The process environment. */
	readonly env: Environment;
	readonly cwd: string;
	/** `--targets FILE`, absolute. */
	readonly targetsFile: string | undefined;
	/** Real paths of evals that the user specified by a link. */
	readonly ownLinks: readonly string[];
	/** By root; undefined if git refuses it. */
	readonly repositories: Map<string, RepositoryFacts | undefined>;
	readonly targetFiles: TargetCache;
	/** Cached results of rules that read the disk, by rule and path. */
	readonly memo: Map<string, unknown>;
}

export function validationRun(
	machine: Pick<ValidationRun, "view" | "env" | "cwd"> & {
		readonly targetsFile?: string | undefined;
		readonly named?: readonly string[] | undefined;
	},
): ValidationRun {
	const { view, env, cwd, targetsFile, named = [] } = machine;
	const caches = { repositories: new Map(), targetFiles: targetCache(), memo: new Map() };
	return { view, env, cwd, targetsFile, ownLinks: ownLinks(named, env, view), ...caches };
}

/** Clears a large cache, so that memory stays flat. */
export function remembered<Answer>(memo: Map<string, unknown>, key: string, look: () => Answer): Answer {
	if (memo.has(key)) return memo.get(key) as Answer;
	if (memo.size >= 5000) memo.clear();
	const answer = look();
	memo.set(key, answer);
	return answer;
}
