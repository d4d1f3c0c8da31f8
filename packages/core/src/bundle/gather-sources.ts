import { dirname, isAbsolute, join, parse, relative, resolve } from "node:path";
import type { CommandSpec } from "../eval/command.ts";
import { guessedFiles, isLaterArgument, workingDirectory } from "../eval/command-files.ts";
import { type CustomAssertion, gradersOf, type LoadedEval, type TargetChoice } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope } from "../eval/load-targets.ts";
import { outOfReach, type ReferenceKind, referenceNoun } from "../eval/read-shape.ts";
import type { Reference, References } from "../eval/references.ts";
import {
	type ResolvedTarget,
	resolveTarget,
	type TargetHop,
	type TargetUse,
	usedTargets,
} from "../eval/resolve-target.ts";
import { type ScriptClosure, scriptClosure } from "../eval/script-closure.ts";
import { mayBeScript } from "../eval/script-imports.ts";
import type { DiskView } from "../eval/source.ts";
import { ownLinks } from "../eval/trust.ts";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { type Diagnostic, finding, type Place } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, targetKind } from "../machine/files.ts";
import {
	AreaContent,
	argumentMissing,
	followLinks,
	linkEscapes,
	machinePath,
	metadataAbove,
	opaqueCommand,
	outsideRepository,
	partialDirectory,
	pathCollision,
	referenceMissing,
} from "./bundled-content.ts";
import { type Area, placeKey, type SuitePlace, toBundlePath } from "./layout.ts";

/** A file with a fixed bundle path, outside the areas. */
export interface OwnPlace {
	readonly source: string;
	readonly kind: BundleFileKind;
}

/** Everything to copy, before the layout. */
export interface GatheredSources {
	readonly areas: Readonly<Record<Area, AreaContent>>;
	/** By bundle path: files that scripts find relative to the eval. */
	readonly own: ReadonlyMap<string, OwnPlace>;
	/** Template references by target, and by real directory. */
	readonly templates: ReadonlyMap<string, string>;
	/** Commands with bare words that are files only in their working directory. */
	readonly bound: ReadonlySet<CommandSpec>;
	readonly packages: readonly string[];
	readonly programs: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface GatherInput {
	readonly loaded: LoadedEval;
	readonly references: References;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	/** Files from `bundle.include` and `--include`. */
	readonly included: readonly string[];
	readonly view: DiskView;
}

/** Collects the files of references, script imports and includes. */
export function gatherSources(input: GatherInput): GatheredSources {
	const gathering = new Gathering(input);
	for (const reference of input.references.files) gathering.reference(reference);
	for (const use of input.references.commands) gathering.guess(use);
	gathering.closeScripts();
	gathering.addIncluded();
	gathering.placeWorkingDirectories();
	return gathering;
}

const wordKinds = new Set<ReferenceKind>([
	"hook",
	"grader",
	"target-command",
	"healthcheck",
	"preprocessor",
	"prompt-command",
]);
const dataKinds = new Set<ReferenceKind>(["input-file", "prompt", "fixtures", "agent-rules"]);
/** Read by the loader and inlined, so never copied. */
const inlined = new Set<ReferenceKind>(["tests", "suite", "workspace-file", "include"]);

class Gathering implements GatheredSources {
	readonly areas: Readonly<Record<Area, AreaContent>>;
	readonly own = new Map<string, OwnPlace>();
	readonly templates = new Map<string, string>();
	readonly bound = new Set<CommandSpec>();
	readonly diagnostics: Diagnostic[] = [];
	packages: readonly string[] = [];
	programs: readonly string[] = [];
	readonly #input: GatherInput;
	readonly #root: string;
	readonly #evalDirectory: string;
	readonly #metadata = new Map<string, Place>();
	/** Directories in commands that contain the eval itself. */
	readonly #partial = new Set<string>();
	/** Scripts in the eval's directory, which keep their relative path with their imports. */
	readonly #inPlace = new Set<string>();

	constructor(input: GatherInput) {
		this.#input = input;
		this.#root = input.loaded.scope.root;
		this.#evalDirectory = input.loaded.scope.directory;
		const area = () => new AreaContent(this.#root, (found) => this.diagnostics.push(found));
		this.areas = { workspace: area(), scripts: area(), data: area() };
	}

	reference(reference: Reference): void {
		const { kind, state, at, raw, resolved } = reference;
		if (kind === "metadata-file") {
			this.#metadataFile(reference);
			return;
		}
		if (state === "run-time" || inlined.has(kind)) return;
		if (state === "opaque") {
			this.#report(finding(opaqueCommand, { command: raw }, at));
			return;
		}
		if (state === "missing") {
			// A missing argument after the script can be an output.
			if (wordKinds.has(kind) && isLaterArgument(reference)) this.#report(finding(argumentMissing, { raw }, at));
			else
				this.#report(finding(referenceMissing, { raw, kind: kind.replaceAll("-", " "), lookedIn: reference.base }, at));
			return;
		}
		if (kind === "repository") return;
		if (state === "outside-root" && !this.#takesFromOutside(reference)) return;
		if (kind === "template") {
			const real = this.areas.workspace.addTemplate(resolved, at);
			if (real !== undefined) this.templates.set(resolved, real);
		} else if (kind === "custom-grader") this.#customGrader(reference);
		else if (kind === "prompt-file") this.#addOwn(resolved, "data", at);
		else if (dataKinds.has(kind)) this.#data(reference);
		else this.#script(reference);
	}

	/** Copies paths outside the repository, except the machine's programs and directories. */
	#takesFromOutside(reference: Reference): boolean {
		const { raw, at, resolved, onDisk, kind } = reference;
		const ofMachine = isAbsolute(raw) && (onDisk !== "file" || (wordKinds.has(kind) && !mayBeScript(resolved)));
		if (ofMachine && (wordKinds.has(kind) || kind === "working-directory")) {
			this.#report(finding(machinePath, { raw }, at));
			return false;
		}
		const named = { raw, kind: referenceNoun(reference), at };
		const refused = outOfReach(resolved, named, this.#input.loaded.scope);
		this.#report(refused ?? finding(outsideRepository, { raw, path: resolved }, at));
		return refused === undefined;
	}

	#data({ kind, resolved, at }: Reference): void {
		if (kind === "agent-rules") this.areas.data.named.add(resolved);
		this.areas.data.add(resolved, "data", at);
	}

	#script(reference: Reference): void {
		const { resolved, at, onDisk, raw, word, command } = reference;
		if (command && word && !word.text.includes("/")) this.bound.add(command);
		if (onDisk !== "directory") {
			this.areas.scripts.add(resolved, "script", at);
			return;
		}
		if (isInside(resolved, this.#evalDirectory)) {
			if (resolved !== this.#evalDirectory || word) this.#report(finding(partialDirectory, { path: raw }, at));
			this.#partial.add(resolved);
			return;
		}
		this.areas.scripts.add(resolved, "script", at);
	}

	/** Stays in `.agentv/`, where its type is searched, with its imports next to it. */
	#customGrader({ resolved, at }: Reference): void {
		const level = dirname(dirname(dirname(resolved)));
		const { suite } = this.#input.loaded;
		const owner = [...this.#input.suites.values()].find(({ directory }) => isInside(level, directory));
		const bundleDirectory = owner?.bundleDirectory ?? this.#input.suites.get(suite.file)?.bundleDirectory ?? "";
		const closure = this.#closure([resolved]);
		for (const file of closure.files) {
			const inner = relative(level, file);
			if (isInside(level, file)) this.#place(toBundlePath(bundleDirectory, inner), file, "custom-grader", at);
			else {
				const data = { path: inner, first: file, second: "a file above the bundle" };
				this.#report(finding(pathCollision, data, at));
			}
		}
	}

	#metadataFile({ resolved, raw, at, state }: Reference): void {
		if (state === "missing") return;
		this.#metadata.set(resolved, at);
		if (this.#ownPlace(resolved) === undefined) this.#report(finding(metadataAbove, { raw }, at));
		else this.#addOwn(resolved, "metadata-file", at);
	}

	/** Adds files that words of a shell command or option values may refer to. */
	guess(command: CommandSpec): void {
		const directory = workingDirectory(command, this.#evalDirectory);
		if (directory === undefined) return;
		for (const path of guessedFiles(command, directory, this.#input.view)) {
			if (!isInside(this.#root, path)) continue;
			this.areas.scripts.add(path, "script", command.at);
			if (directory === this.#evalDirectory && isInside(this.#evalDirectory, path)) this.#inPlace.add(path);
		}
	}

	closeScripts(): void {
		const { scripts } = this.areas;
		const { loaded, references, included } = this.#input;
		const start = [...scripts.files.keys(), ...scripts.treeFiles(), ...included];
		const closure = this.#closure(start.filter(mayBeScript), [
			this.#evalDirectory,
			...references.commands.flatMap((command) => workingDirectory(command, this.#evalDirectory) ?? []),
		]);
		const here = { file: loaded.file, path: [] };
		for (const file of closure.files) if (!included.includes(file)) scripts.add(file, "script", here);
		for (const file of this.#closure(this.#inPlace).files)
			if (isInside(this.#evalDirectory, file)) this.#addOwn(file, "script", here);
	}

	#closure(files: Iterable<string>, workingDirectories: readonly string[] = []): ScriptClosure {
		const { view } = this.#input;
		const closure = scriptClosure(files, {
			view,
			root: this.#root,
			workingDirectories: [...new Set(workingDirectories)],
		});
		this.packages = [...new Set([...this.packages, ...closure.packages])].sort();
		this.programs = [...new Set([...this.programs, ...closure.programs])].sort();
		for (const found of closure.diagnostics) this.#report(found);
		return closure;
	}

	/** Also puts them among the scripts, which can use paths relative to themselves. */
	addIncluded(): void {
		const at = { file: this.#input.loaded.file, path: [] };
		const mirrored = !this.areas.scripts.isEmpty();
		for (const path of this.#input.included) {
			this.#addOwn(path, "include", at);
			if (mirrored) this.areas.scripts.add(path, "include", at);
		}
	}

	/** Adds working directories of commands that contain copied files. */
	placeWorkingDirectories(): void {
		const { scripts } = this.areas;
		const needed = new Set<string>();
		const suiteDirectories = new Set([...this.#input.suites.values()].map((suite) => suite.directory));
		for (const command of this.#input.references.commands) {
			const directory = workingDirectory(command, this.#evalDirectory);
			if (directory === undefined || !isInside(this.#root, directory)) continue;
			if (!suiteDirectories.has(directory) || this.bound.has(command)) needed.add(directory);
		}
		if (needed.size > 0)
			for (const [path, at] of this.#metadata) if (isInside(this.#root, path)) scripts.add(path, "metadata-file", at);
		for (const directory of [...needed, ...this.#partial])
			if (scripts.hasBelow(directory)) scripts.anchors.add(directory);
	}

	#addOwn(path: string, kind: BundleFileKind, at: Place): void {
		const { links, real, escape: leaving } = followLinks(path, this.#evalDirectory);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return;
		}
		for (const one of [...links.map((link) => link.path), real]) {
			const place = this.#ownPlace(one);
			if (place === undefined) continue;
			if (targetKind(one) === "directory" && links.every((link) => link.path !== one)) {
				for (const inner of directoryFiles(one, this.#input.view)) this.#addOwn(inner, kind, at);
			} else this.#place(place, one, kind, at);
		}
	}

	/** Returns the bundle path that corresponds to a path relative to the eval or its suite. */
	#ownPlace(path: string): string | undefined {
		const suites = [...this.#input.suites.values()].filter(({ directory }) => isInside(directory, path));
		const [suite] = suites.sort((a, b) => b.directory.length - a.directory.length);
		const main = isInside(this.#evalDirectory, path);
		if (main) return toBundlePath(relative(this.#evalDirectory, path));
		return suite && toBundlePath(suite.bundleDirectory, relative(suite.directory, path));
	}

	#place(place: string, source: string, kind: BundleFileKind, at: Place): void {
		const before = this.own.get(place);
		if (before && before.source !== source)
			this.#report(finding(pathCollision, { path: place, first: before.source, second: source }, at));
		else if (!before) this.own.set(place, { source, kind });
	}

	#report(found: Diagnostic): void {
		this.diagnostics.push(found);
	}
}

function* directoryFiles(directory: string, view: DiskView): Generator<string> {
	for (const name of view.list(directory)) {
		const path = join(directory, name);
		if (view.kind(path) === "directory") yield* directoryFiles(path, view);
		else yield path;
	}
}

export interface LoadedSource {
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly selection: TargetSelection;
	/** The environment it was loaded with, including `.env` files. */
	readonly env: Environment;
}

/** Placeholders for an unknown number or boolean. */
const standIns = ["1", "true"];

/**
 * Loads an eval for bundling. An unset variable is not an error here, since only its name is
 * written: a placeholder replaces it if a number or boolean is needed.
 * @throws AgentvError `not-found` for the eval or the targets file
 */
export function loadSource(options: BundleOptions): LoadedSource {
	let assumed: Environment = {};
	for (const value of standIns) {
		const source = loadWith(options, assumed);
		const unset = unsetVariables(source);
		if (unset.length === 0) return source;
		assumed = { ...assumed, ...Object.fromEntries(unset.map((name) => [name, value])) };
	}
	return loadWith(options, assumed);
}

function loadWith(
	{ file, view, env: given, cwd, targetsFile, targets = [], includeOutside }: BundleOptions,
	assumed: Environment,
): LoadedSource {
	const env = { ...given, ...assumed };
	const override = targetsFile === undefined ? {} : { targetsFile: resolve(cwd, targetsFile) };
	const allowed = includeOutside ? [parse(cwd).root] : ownLinks([resolve(cwd, file)], given, view);
	const reach = { allowed, ownFiles: Object.values(override), option: "--include-outside" } as const;
	const loaded = loadEval(file, { view, env, cwd, reach });
	const evalEnv = evalEnvironment(loaded.scope, env, view);
	const scope = loadTargets(loaded.scope, { view, env: evalEnv, ...override });
	return { loaded, scope, selection: selectTargets(loaded, scope, targets), env: evalEnv };
}

/** Returns variables without a value in fields that need another type. */
function unsetVariables({ loaded, scope, selection, env }: LoadedSource): string[] {
	const wrong = new Set(
		[...loaded.diagnostics, ...scope.diagnostics, ...selection.diagnostics]
			.filter(isShapeError)
			.map(({ at }) => placeKey(at)),
	);
	const variables = [...loaded.variables, ...[...scope.sources.values()].flatMap((source) => source.variables)];
	return variables.flatMap(({ name, state, at }) =>
		wrong.has(placeKey(at)) && (state === "unset" || standIns.includes(env[name] ?? "")) ? [name] : [],
	);
}

function isShapeError({ severity, rule }: Diagnostic): boolean {
	return severity === "error" && /^(schema\.shape|assertions\.weight)$/.test(rule);
}

/** The references of an eval by location. */
export interface ReferenceIndex {
	/** Returns path fields. Several if the text depends on a test's variables. */
	paths(at: Place): readonly Reference[];
	/** Returns the commands with their text at this location. */
	commands(at: Place): readonly CommandSpec[];
	/** Returns the references of word `index` of the command there. */
	words(at: Place, index: number): readonly Reference[];
	custom(at: Place): CustomAssertion | undefined;
	/** Returns the file of an assertion include, or of an external workspace. */
	inlined(at: Place): string | undefined;
	/** Returns the eval of an entry of `imports.suites`. */
	suite(at: Place): string | undefined;
}

const rewritten = new Set<ReferenceKind>([
	"template",
	"input-file",
	"prompt",
	"fixtures",
	"extension",
	"agent-rules",
	"working-directory",
]);

export function indexReferences(loaded: LoadedEval, references: References): ReferenceIndex {
	const paths = new Lists<Reference>();
	const words = new Lists<Reference>();
	const commands = new Lists<CommandSpec>();
	for (const reference of references.files) {
		if (reference.word && reference.command) words.add(placeKey(reference.command.at, reference.word.index), reference);
		else if (rewritten.has(reference.kind)) paths.add(placeKey(reference.at), reference);
	}
	for (const use of references.commands) commands.add(placeKey(use.at), use);
	const customs = new Map<string, CustomAssertion>();
	for (const grader of gradersOf(loaded.tests)) if (grader.type === "custom") customs.set(placeKey(grader.at), grader);
	const inlined = new Map<string, string>();
	const suites = new Map<string, string>();
	for (const { path, resolved } of loaded.files) {
		const { kind } = path;
		if (kind === "include" || kind === "workspace-file") inlined.set(placeKey(path.at), resolved);
		if (kind === "suite") suites.set(placeKey(path.at), resolved);
	}
	return {
		paths: (at) => paths.get(placeKey(at)),
		commands: (at) => commands.get(placeKey(at)),
		words: (at, index) => words.get(placeKey(at, index)),
		custom: (at) => customs.get(placeKey(at)),
		inlined: (at) => inlined.get(placeKey(at)),
		suite: (at) => suites.get(placeKey(at)),
	};
}

class Lists<Value> {
	readonly #lists = new Map<string, Value[]>();

	add(key: string, value: Value): void {
		const list = this.#lists.get(key);
		if (list) list.push(value);
		else this.#lists.set(key, [value]);
	}

	get(key: string): readonly Value[] {
		return this.#lists.get(key) ?? [];
	}
}

/** The options of `agentv bundle`. */
export interface BundleOptions {
	/** Path of the eval file, relative to `cwd` or absolute. */
	readonly file: string;
	/** Directory of the bundle. */
	readonly output: string;
	/** Absolute. */
	readonly cwd: string;
	/** The process environment. */
	readonly env: Environment;
	readonly view: DiskView;
	/** For the manifest. */
	readonly agentvVersion: string;
	/** Targets that replace those of the eval. */
	readonly targets?: readonly string[] | undefined;
	/** A targets file that overrides all others. */
	readonly targetsFile?: string | undefined;
	readonly captureEnv?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendorRepos?: boolean | undefined;
	/** Globs below the eval's directory. */
	readonly include?: readonly string[] | undefined;
	/** SHA-256 prefixes of suspected secrets to allow. */
	readonly allowedSecrets?: readonly string[] | undefined;
	/** Also copy files outside the eval's root. */
	readonly includeOutside?: boolean | undefined;
	/** Overwrite an existing bundle at `output`. */
	readonly force?: boolean | undefined;
	/** Creation time; default: `SOURCE_DATE_EPOCH`, else now. */
	readonly now?: Date | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** Returns the flags for the manifest; `--targets` is relative to the source's root. */
export function recordedFlags(options: BundleOptions, relativePath: (path: string) => string): string[] {
	const { targets = [], targetsFile, include = [], allowedSecrets = [] } = options;
	return [
		...targets.flatMap((name) => ["--target", name]),
		...(targetsFile === undefined ? [] : ["--targets", relativePath(targetsFile)]),
		...(options.captureEnv ? ["--capture-env"] : []),
		...(options.pin ? ["--pin"] : []),
		...(options.vendorRepos ? ["--vendor-repos"] : []),
		...(options.includeOutside ? ["--include-outside"] : []),
		...include.flatMap((pattern) => ["--include", pattern]),
		...allowedSecrets.flatMap((prefix) => ["--allow-secret", prefix]),
	];
}

/** Returns the manifest's time: `SOURCE_DATE_EPOCH` (seconds since 1970) fixes it. */
export function creationTime({ now, env }: BundleOptions): string {
	const epoch = env.SOURCE_DATE_EPOCH;
	const date = epoch !== undefined && /^\d{1,12}$/.test(epoch) ? new Date(Number(epoch) * 1000) : (now ?? new Date());
	return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** The resolved targets that an eval needs. */
export interface TargetSelection {
	/** By the eval's name for it: the content of the bundle's `targets.yaml`. */
	readonly named: ReadonlyMap<string, ResolvedTarget>;
	/** Including inline targets. */
	readonly all: readonly ResolvedTarget[];
	/** Every selection of a target. */
	readonly choices: readonly TargetChoice[];
	readonly diagnostics: readonly Diagnostic[];
}

/** `chosen` (from `--target`) overrides the eval's choice. */
export function selectTargets(loaded: LoadedEval, scope: TargetScope, chosen: readonly string[]): TargetSelection {
	const uses = usedTargets(loaded, scope, chosen.length > 0 ? chosen : undefined);
	const named = new Map<string, ResolvedTarget>();
	const all = new Set<ResolvedTarget>();
	const diagnostics: Diagnostic[] = [];
	const take = (choice: TargetChoice, resolution: TargetUse["resolution"], optional: boolean): void => {
		if (!resolution.ok) {
			// An unused grader may be missing, like in a run.
			if (!optional) diagnostics.push(...resolution.diagnostics.map(withTargetHint));
			return;
		}
		all.add(resolution.target);
		if (!("inline" in choice)) {
			named.set(choice.name, resolution.target);
			return;
		}
		const parent = [choice.inline.extends, choice.inline.use_target].find((name) => typeof name === "string");
		if (typeof parent !== "string") return;
		const base: TargetChoice = { name: parent, at: choice.at };
		take(base, resolveTarget(base, scope), false);
	};
	for (const { choice, resolution, implied, role } of uses) take(choice, resolution, implied && role === "grader");
	return { named, all: [...all], choices: uses.map(({ choice }) => choice), diagnostics };
}

function withTargetHint(diagnostic: Diagnostic): Diagnostic {
	const byVariable = diagnostic.rule === "env.unset" || String(diagnostic.data.name).includes("${{");
	return byVariable
		? { ...diagnostic, hint: `${diagnostic.hint ?? "set it"}; or select a target with --target NAME` }
		: diagnostic;
}

/** Returns the variables that selected the hops of a chain, by name. */
export function chosenBy(via: readonly TargetHop[]): string[] {
	return [...new Set(via.flatMap((hop) => hop.next?.chosenBy ?? []))];
}
