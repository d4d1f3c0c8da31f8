import { isAbsolute, join, relative, sep, win32 } from "node:path";
import { parseCommand } from "../eval/command.ts";
import { shownPath as shownIn } from "../eval/discover-evals.ts";
import type { Extension, LoadedEval, TestCase, Workspace, WorkspaceRepo } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import {
	loadTargets,
	type TargetCache,
	type TargetDefinition,
	type TargetScope,
	targetCache,
} from "../eval/load-targets.ts";
import { findingKey } from "../eval/loading.ts";
import { type ReferenceKind, referenceNoun, stripScheme } from "../eval/read-shape.ts";
import {
	collectReferences,
	isSystemPath,
	portableRoot,
	type Reference,
	type References,
	type TreeFaults,
	treeFaults,
} from "../eval/references.ts";
import { resolvedTargets, type TargetUse, usedTargets } from "../eval/resolve-target.ts";
import type { DiskView, PlacedVariable } from "../eval/source.ts";
import { ownLinks } from "../eval/trust.ts";
import { AgentvError, type Diagnostic, type DocumentPath, type Place } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind } from "../machine/files.ts";
import { listTree } from "../machine/find-files.ts";
import { isGitsOwn } from "../workspace/change-store.ts";
import { Repositories, type RepositoryFacts } from "./repository-facts.ts";

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
	readonly remembered: { paths?: readonly Reference[]; odd?: readonly Reference[]; prompts?: readonly TestPrompts[] };
	locate(place: Place): SourceRange | undefined;
}

export interface PromptText {
	readonly text: string;
	readonly at: Place;
}

export interface TestPrompts {
	readonly test: TestCase;
	readonly prompts: readonly PromptText[];
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

/** Returns the eval's repository, looked up on first use; undefined for bundles and others. */
export function repositoryOf({ loaded, run }: EvalContext): RepositoryFacts | undefined {
	const { rootKind, root } = loaded.scope;
	return rootKind === "repository" ? run.repositories.of(root) : undefined;
}

/** Errors count in every target file of the search, warnings only in used ones. */
function targetFileFindings(targets: TargetScope, uses: readonly TargetUse[], directory: string): Diagnostic[] {
	const used = new Set(targetFiles(uses));
	return targets.diagnostics.filter(
		({ severity, at }) => severity === "error" || used.has(at.file) || at.file.startsWith(`${directory}/targets.`),
	);
}

function targetFiles(uses: readonly TargetUse[]): string[] {
	return uses.flatMap(({ resolution }) =>
		(resolution.ok ? resolution.target.via : resolution.via).map(({ definition }) => definition.file),
	);
}

function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	const seen = new Set<string>();
	return diagnostics.filter((one) => seen.size < seen.add(findingKey(one)).size);
}

/** A file or directory of an eval, and where it is referenced. */
export interface EvalFile {
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
	for (const { resolution, choice } of uses) {
		const via = resolution.ok ? resolution.target.via : resolution.via;
		for (const { definition } of via) add({ path: definition.file, kind: "targets file", at: choice.at, whole: false });
	}
	return [...files.values()];
}

export interface ExtensionModule {
	readonly extension: Extract<Extension, { kind: "module" }>;
	/** Absolute path of the module. */
	readonly file: string;
	readonly text: string;
}

/** Returns the readable modules of an eval's extensions. */
export function extensionModules({ loaded, references, run }: EvalContext): ExtensionModule[] {
	const suites = new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	const extensions = [...suites].flatMap((suite) => suite.extensions);
	return extensions.flatMap((extension): ExtensionModule[] => {
		if (extension.kind !== "module") return [];
		const reference = references.files.find(({ kind, at }) => kind === "extension" && at === extension.module.at);
		if (reference?.onDisk !== "file") return [];
		try {
			return [{ extension, file: reference.resolved, text: run.view.readText(reference.resolved) }];
		} catch (error) {
			// Running a binary or unreadable file reports that.
			if (error instanceof AgentvError) return [];
			throw error;
		}
	});
}

/** Skips repositories, which have their own rules, and system programs. */
export function pathReferences(context: EvalContext): readonly Reference[] {
	context.remembered.paths ??= context.references.files.filter(
		(reference) => isForPathRules(reference) && !reference.listed,
	);
	return context.remembered.paths;
}

/** Adds files from a directory or glob of tests, which must be present, too. */
export function neededPaths(context: EvalContext): readonly Reference[] {
	return context.references.files.filter(isForPathRules);
}

function isForPathRules(reference: Reference): boolean {
	return reference.kind !== "repository" && !isSystemPath(reference);
}

/** Returns the needed paths that are unusual: most path rules ignore the others. */
export function oddReferences(context: EvalContext): readonly Reference[] {
	context.remembered.odd ??= pathReferences(context).filter(
		({ state, found, raw }) => state !== "ok" || found !== "direct" || raw.includes("\\"),
	);
	return context.remembered.odd;
}

/** Returns whether the path is absolute. A custom grader's path is computed, not written. */
export function isWrittenAbsolute(reference: Reference): boolean {
	const raw = stripScheme(reference.raw);
	return reference.kind !== "custom-grader" && (isAbsolute(raw) || win32.isAbsolute(raw));
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

/** Returns the variables in a reference's path. */
export function variablesOf(reference: Reference, context: EvalContext): PlacedVariable[] {
	const here = variablesAt(reference.at, context);
	const { command, word } = reference;
	if (here.length === 0 || !word || !command || typeof command.text !== "string") return here;
	const written = writtenText(reference.at, context);
	const parsed = written === undefined ? undefined : parseCommand(written);
	if (parsed?.kind !== "argv") return here;
	const text = parsed.words[word.index]?.text ?? "";
	return here.filter(({ name }) => new RegExp(`\\$\\{\\{\\s*${name}\\b`).test(text));
}

/** Returns the variables in the value at a place. */
export function variablesAt(place: Place, { loaded, targets }: EvalContext): PlacedVariable[] {
	const source = loaded.sources.get(place.file) ?? targets.sources.get(place.file);
	if (!source || source.variables.length === 0) return [];
	return source.variables.filter(({ at }) => at.line === place.line && samePath(at.path, place.path));
}

function samePath(a: DocumentPath = [], b: DocumentPath = []): boolean {
	return a.length === b.length && a.every((key, index) => String(key) === String(b[index]));
}

/** Returns the text at a place as written, including `${{ }}`; undefined if it is not text. */
export function writtenText(place: Place, context: EvalContext): string | undefined {
	const value = writtenValue(place, context);
	return typeof value === "string" ? value : undefined;
}

/** Returns the value at a place before `${{ }}`. */
export function writtenValue(place: Place, { loaded, targets }: EvalContext): unknown {
	const source = loaded.sources.get(place.file) ?? targets.sources.get(place.file);
	let value = source?.raw(place.line);
	for (const key of place.path ?? [])
		value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;
	return value;
}

/** Kinds of files that the loader reads, and reports if missing. */
export const loadingKinds: ReadonlySet<ReferenceKind> = new Set([
	"tests",
	"suite",
	"workspace-file",
	"include",
	"prompt-file",
]);

export function usedDefinitions({ uses }: EvalContext): TargetDefinition[] {
	const used = new Set<TargetDefinition>();
	for (const { resolution } of uses)
		for (const { definition } of resolution.ok ? resolution.target.via : resolution.via) used.add(definition);
	return [...used];
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

export interface PlacedRepo extends WorkspaceRepo {
	/** For messages: without credentials. */
	readonly shown: string;
}

/** Returns the repositories of an eval's workspaces, each path once. */
export function placedRepos(loaded: LoadedEval): PlacedRepo[] {
	const byPlace = new Map<string, PlacedRepo>();
	for (const workspace of workspacesOf(loaded)) {
		for (const repo of workspace.repos) {
			const key = [repo.at.file, repo.at.line ?? "", ...(repo.at.path ?? [])].join("\0");
			byPlace.set(key, { ...repo, shown: redactUrl(repo.repo) });
		}
	}
	return [...byPlace.values()];
}

/** A test's sandbox, for rules about its content. */
export interface Sandbox {
	/** Texts of the scripts that prepare it (hooks, extensions), and their commands. */
	readonly scripts: readonly string[];
	/** Texts of its patches: from metadata, hooks, input, or inside the template. */
	readonly patches: readonly string[];
	/** Absolute. */
	readonly template: string | undefined;
}

export function sandboxOf(test: TestCase, context: EvalContext): Sandbox {
	const { references } = context;
	const workspace = test.workspace ?? test.suite.workspace;
	const template = references.files.find(({ kind, at }) => kind === "template" && at === workspace?.template?.at);
	const prepares = references.files.filter(({ kind }) => kind === "hook" || kind === "extension");
	const mine = new Set([...test.metadataFiles.map(({ at }) => at), test.at]);
	const named = references.files.filter(
		({ kind, at }) => (kind === "metadata-file" && mine.has(at)) || (kind === "input-file" && at.file === test.at.file),
	);
	return {
		scripts: prepares.flatMap((one) => [one.raw, ...textOf(one, context)]),
		patches: [
			...[...named, ...prepares].filter(isPatch).flatMap((one) => textOf(one, context)),
			...Object.values(test.metadata).filter((value): value is string => typeof value === "string"),
			...patchesIn(template, context),
		],
		template: template?.onDisk === "directory" ? template.resolved : undefined,
	};
}

function isPatch({ resolved }: Reference): boolean {
	return /\.(patch|diff)$/.test(resolved);
}

function textOf({ resolved, onDisk }: Reference, context: EvalContext): string[] {
	return onDisk === "file" ? [readText(resolved, context)] : [];
}

function readText(file: string, { run }: EvalContext): string {
	return remembered(run, `text\0${file}`, () => {
		try {
			const text = run.view.readText(file);
			return text.length > 1_000_000 ? "" : text;
		} catch (error) {
			// A binary program is not searched.
			if (error instanceof AgentvError) return "";
			throw error;
		}
	});
}

function patchesIn(template: Reference | undefined, context: EvalContext): string[] {
	if (template?.onDisk !== "directory") return [];
	const directory = template.resolved;
	const files = remembered(context.run, `patches\0${directory}`, () =>
		listTree(directory, { skipGit: true })
			.filter(({ kind, path }) => kind === "file" && /\.(patch|diff)$/.test(path))
			.map(({ path }) => `${directory}/${path}`),
	);
	return files.map((file) => readText(file, context));
}

/** Returns whether `name` exists in a template, including dangling links. */
export function existsBelow(template: string, name: string): boolean {
	return pathKind(join(template, name)) !== "missing";
}

/** Returns what a run would refuse to copy of a directory. */
export function rememberedFaults(directory: string, run: ValidationRun): TreeFaults {
	return remembered(run, `faults\0${directory}`, () => treeFaults(directory, isGitsOwn));
}

/** Shared state of one validation: everything is read once for all evals. */
export interface ValidationRun {
	readonly view: DiskView;
	/** The process environment. */
	readonly env: Environment;
	readonly cwd: string;
	/** `--targets FILE`, absolute. */
	readonly targetsFile?: string;
	/** Real paths of evals that the user specified by a link. */
	readonly ownLinks: readonly string[];
	readonly repositories: Repositories;
	readonly targetFiles: TargetCache;
	readonly documentation: Documentation;
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
	return {
		view,
		env,
		cwd,
		...(targetsFile === undefined ? {} : { targetsFile }),
		ownLinks: ownLinks(named, env, view),
		repositories: new Repositories(env),
		targetFiles: targetCache(),
		documentation: new Documentation(view),
		memo: new Map(),
	};
}

/** Clears a large cache, so that memory stays flat. */
export function remembered<Answer>(run: ValidationRun, key: string, look: () => Answer): Answer {
	if (run.memo.has(key)) return run.memo.get(key) as Answer;
	if (run.memo.size >= 5000) run.memo.clear();
	const answer = look();
	run.memo.set(key, answer);
	return answer;
}

const documents = /^(\.env\.(example|sample|template)|readme(\.(md|markdown|txt|rst))?)$/i;

/** The variables in a directory's `.env.example` or README. */
class Documentation {
	readonly #view: DiskView;
	readonly #names = new Map<string, ReadonlySet<string>>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	names(variable: string, directory: string): boolean {
		let names = this.#names.get(directory);
		if (!names) {
			if (this.#names.size >= 2000) this.#names.clear();
			names = this.#read(directory);
			this.#names.set(directory, names);
		}
		return names.has(variable);
	}

	#read(directory: string): ReadonlySet<string> {
		const names = new Set<string>();
		for (const file of this.#view.list(directory).filter((name) => documents.test(name)))
			for (const [name] of this.#text(join(directory, file)).matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)) names.add(name);
		return names;
	}

	#text(file: string): string {
		try {
			return this.#view.readText(file);
		} catch (error) {
			// A binary README documents nothing.
			if (error instanceof AgentvError) return "";
			throw error;
		}
	}
}
