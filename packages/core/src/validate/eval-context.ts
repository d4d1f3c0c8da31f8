import { join, relative, sep } from "node:path";
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
import { resolvedTargets, type TargetHop, type TargetUse, usedTargets } from "../eval/resolve-target.ts";
import { type DiskView, type PlacedVariable, type Source, valueBelow } from "../eval/source.ts";
import { ownLinks } from "../eval/trust.ts";
import {
	collectReferences,
	isSystemPath,
	portableRoot,
	type Reference,
	type References,
	type TreeFaults,
	treeFaults,
} from "../eval/visit.ts";
import { AgentvError, type Diagnostic, type DocumentPath, type Place } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import { scanReferences } from "../lib/interpolate.ts";
import { findSecrets } from "../lib/redact.ts";
import { isSecretField, looksRandom } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { GitError, localGitSync } from "../machine/git.ts";
import { foreignRepository, repositoryRoot, trackedFilesSync } from "../machine/git-repository.ts";
import { isGitsOwn } from "../workspace/snapshot.ts";

export interface EvalContext {
	readonly run: ValidationRun;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	readonly references: References;
	/** The smallest directory with everything that the eval needs; absolute. */
	readonly root: string;
	/** Of loading the eval and its targets, in this order and each once. */
	readonly findings: readonly Diagnostic[];
	readonly memo: Map<string, unknown>;
}

/** @throws AgentvError only if `file` is unreadable */
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

/** Looked up on first use; undefined for bundles and others. */
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

export function hopsOf({ resolution }: TargetUse): readonly TargetHop[] {
	return resolution.ok ? resolution.target.via : resolution.via;
}

function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	const seen = new Set<string>();
	return diagnostics.filter((diagnostic) => seen.size < seen.add(findingKey(diagnostic)).size);
}

interface EvalFile {
	readonly path: string;
	readonly kind: string;
	readonly at: Place;
	/** Whether everything in the directory is needed. */
	readonly whole: boolean;
}

/** Directories of these kinds are searched or worked in: not all their files are needed. */
const notWhole: ReadonlySet<ReferenceKind> = new Set(["tests", "working-directory"]);

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

/** Most path rules ignore ordinary paths. */
export function oddReferences(context: EvalContext): readonly Reference[] {
	return remembered(context.memo, "odd paths", () =>
		pathReferences(context).filter(
			({ state, found, raw }) => state !== "ok" || found !== "direct" || raw.includes("\\"),
		),
	);
}

/** Begins with `./` or `../`, and has `/` between components. */
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

export function variablesAt(place: Place, context: EvalContext): PlacedVariable[] {
	return (sourceOf(place.file, context)?.variables ?? []).filter(({ at }) => samePlace(at, place));
}

export function samePlace(a: Place, b: Place): boolean {
	return a.file === b.file && a.line === b.line && (a.path ?? []).join("\0") === (b.path ?? []).join("\0");
}

/** Includes `${{ }}`; undefined if the value is not text. */
export function writtenText(place: Place, context: EvalContext): string | undefined {
	const value = writtenValue(place, context);
	return typeof value === "string" ? value : undefined;
}

export function writtenValue(place: Place, context: EvalContext): unknown {
	return valueBelow(sourceOf(place.file, context)?.raw(place.line), place.path ?? []);
}

export function usedDefinitions({ uses }: EvalContext): TargetDefinition[] {
	return [...new Set(uses.flatMap((use) => hopsOf(use).map(({ definition }) => definition)))];
}

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

export function workspacesOf(loaded: LoadedEval): Workspace[] {
	const all = [loaded.suite, ...loaded.tests.map((test) => test.suite), ...loaded.tests];
	return [...new Set(all.flatMap(({ workspace }) => (workspace ? [workspace] : [])))];
}

interface PlacedRepo extends WorkspaceRepo {
	/** For messages: without credentials. */
	readonly shown: string;
}

export function placedRepos(loaded: LoadedEval): PlacedRepo[] {
	const repos = workspacesOf(loaded).flatMap((workspace) => workspace.repos);
	const keyOf = ({ at: { file, line, path = [] } }: WorkspaceRepo) => [file, line ?? "", ...path].join("\0");
	return [...new Map(repos.map((repo) => [keyOf(repo), { ...repo, shown: redactUrl(repo.repo) }])).values()];
}

/** Returns undefined for a binary or unreadable file, which is not searched. */
export function textOf(file: string, { view }: Pick<ValidationRun, "view">): string | undefined {
	try {
		return view.readText(file);
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

export function rememberedFaults(directory: string, run: ValidationRun): TreeFaults {
	return remembered(run.memo, `faults\0${directory}`, () => treeFaults(directory, isGitsOwn));
}

export interface ValidationRun {
	readonly view: DiskView;
	readonly env: Environment;
	readonly cwd: string;
	/** The value of `--targets`, absolute. */
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

export interface RepositoryFacts {
	readonly root: string;
	/** Undefined before the first commit. */
	readonly head: string | undefined;
	state(path: string): FileState;
	/** Absolute; at or below `path`. Includes untracked files. */
	changed(path: string): readonly string[];
}

/** `outside`: not in this repository, or in a nested one. */
type FileState = "tracked" | "untracked" | "ignored" | "outside";

function repositoryFacts(
	directory: string,
	{ env, repositories }: { env: Environment; repositories: Map<string, RepositoryFacts | undefined> },
): RepositoryFacts | undefined {
	const root = repositoryRoot(directory);
	if (root === undefined) return undefined;
	if (!repositories.has(root)) repositories.set(root, inspect(root, env));
	return repositories.get(root);
}

function inspect(root: string, env: Environment): RepositoryFacts | undefined {
	try {
		const options = { env, ...foreignRepository(root, env) };
		return facts(root, trackedFilesSync(root, options), localGitSync(root, status, options).stdout);
	} catch (error) {
		// Without git, or if git refuses the repository (another owner), these facts are unknown.
		if (error instanceof GitError) return undefined;
		throw error;
	}
}

const status = [
	...["status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-z"],
	...["--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"],
];

/** @param output of `git status` */
function facts(root: string, trackedFiles: readonly string[], output: string): RepositoryFacts {
	const [untrackedFiles, changedFiles]: [string[], string[]] = [[], []];
	let head: string | undefined;
	for (const line of output.split("\0")) {
		if (line.startsWith("? ")) untrackedFiles.push(line.slice(2));
		else if (line.startsWith("# branch.oid ")) head = /(?<![0-9a-f])[0-9a-f]{40,}$/.exec(line)?.[0];
		// Eight fields, then the path; ten for a conflict.
		else if (line.startsWith("1 ")) changedFiles.push(line.replace(/^(\S* ){8}/, ""));
		else if (line.startsWith("u ")) changedFiles.push(line.replace(/^(\S* ){10}/, ""));
	}
	const tracked = new Tree(trackedFiles);
	const added = new Tree(untrackedFiles);
	const changed = new Tree([...untrackedFiles, ...changedFiles]);
	const inside = (path: string) =>
		path.startsWith(`${root}/`) && !path.includes("..")
			? path.slice(root.length + 1)
			: relative(root, path).split(sep).join("/");
	return {
		root,
		head,
		state(path) {
			const name = inside(path);
			if (name === ".." || name.startsWith("../") || name.startsWith("/") || tracked.holdsAbove(name)) return "outside";
			if (name === "" || tracked.has(name)) return "tracked";
			return added.has(name) ? "untracked" : "ignored";
		},
		changed: (path) => changed.below(inside(path)).map((name) => join(root, name)),
	};
}

class Tree {
	readonly #names: readonly string[];
	readonly #set: ReadonlySet<string>;

	constructor(names: readonly string[]) {
		this.#names = [...names].sort();
		this.#set = new Set(names);
	}

	has(name: string): boolean {
		if (this.#set.has(name)) return true;
		return this.#names[this.#first(`${name}/`)]?.startsWith(`${name}/`) ?? false;
	}

	/** Returns whether a parent directory of `name` is itself an entry: a submodule. */
	holdsAbove(name: string): boolean {
		for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1))
			if (this.#set.has(name.slice(0, end))) return true;
		return false;
	}

	below(name: string): string[] {
		if (name === "") return [...this.#names];
		const names = this.#set.has(name) ? [name] : [];
		for (let index = this.#first(`${name}/`); this.#names[index]?.startsWith(`${name}/`); index++)
			names.push(this.#names[index] as string);
		return names;
	}

	#first(name: string): number {
		let low = 0;
		let high = this.#names.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#names[middle] as string) < name) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

/** Yields places only, never the secrets themselves; text is as written, including `${{ }}`. */
export function* literalSecrets(
	value: unknown,
	path: DocumentPath = [],
): Generator<{ readonly field: string; readonly path: DocumentPath }> {
	if (typeof value === "object" && value !== null) {
		for (const [key, item] of Object.entries(value))
			yield* literalSecrets(item, [...path, Array.isArray(value) ? Number(key) : key]);
		return;
	}
	if (typeof value !== "string" || value.length < 8) return;
	const field = path.findLast((key) => typeof key === "string");
	if (typeof field === "string" && isWrittenOut(value, field)) yield { field, path };
}

function isWrittenOut(value: string, field: string): boolean {
	const isNamed = isSecretField(field);
	const references = scanReferences(value).filter(({ kind }) => kind === "reference");
	if (references.length === 0) return isNamed || findSecrets(value).length > 0;
	// Text around variables, and their defaults.
	let plain = "";
	let end = 0;
	for (const { range } of references) {
		plain += value.slice(end, range[0]);
		end = range[1];
	}
	plain += value.slice(end);
	const defaults = references.flatMap((token) =>
		"defaultText" in token && token.defaultText ? [token.defaultText] : [],
	);
	return [plain, ...defaults].some(
		(text) => findSecrets(text).length > 0 || (isNamed && isLong(text) && looksRandom(text)),
	);
}

/** `not-needed` is a common dummy key for local servers, not a secret. */
function isLong(text: string): boolean {
	return text.length >= 16 && !/\s/.test(text);
}
