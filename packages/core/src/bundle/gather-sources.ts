import { dirname, isAbsolute, join, relative } from "node:path";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { isInside } from "../io/files/path-inside.ts";
import { targetKind } from "../io/files/stat-path.ts";
import type { CommandSpec } from "../model/command.ts";
import { guessedFiles, isLaterArgument, workingDirectory } from "../model/command-files.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { outOfReach } from "../model/reach.ts";
import {
	type CommandUse,
	type Reference,
	type ReferenceKind,
	type References,
	referenceNoun,
} from "../model/reference.ts";
import { type ScriptClosure, scriptClosure } from "../model/script-closure/script-closure.ts";
import { mayBeScript } from "../model/script-closure/script-language.ts";
import type { BundleFileKind } from "../schema/bundle-manifest.ts";
import { AreaContent } from "./area-content.ts";
import {
	argumentMissing,
	linkEscapes,
	machinePath,
	metadataAbove,
	opaqueCommand,
	outsideRepository,
	partialDirectory,
	pathCollision,
	referenceMissing,
} from "./bundle-findings.ts";
import { followLinks } from "./follow-links.ts";
import type { Area } from "./layout.ts";
import { toBundlePath } from "./layout.ts";
import type { SuitePlace } from "./suite-places.ts";

/** A file with a bundle path of its own, outside the areas. */
export interface OwnPlace {
	readonly source: string;
	readonly kind: BundleFileKind;
}

/** Everything that has to be copied, before it is laid out. */
export interface GatheredSources {
	readonly areas: Readonly<Record<Area, AreaContent>>;
	/** By bundle path: what scripts find by its path relative to the eval. */
	readonly own: ReadonlyMap<string, OwnPlace>;
	/** Template references by where they lead, and by their real directories. */
	readonly templates: ReadonlyMap<string, string>;
	/** Commands whose words include names that only their working directory makes files: these must run in its copy. */
	readonly bound: ReadonlySet<CommandSpec>;
	readonly packages: readonly string[];
	readonly programs: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface GatherInput {
	readonly loaded: LoadedEval;
	readonly references: References;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	/** Files that `bundle.include` and `--include` name. */
	readonly included: readonly string[];
	readonly view: DiskView;
}

/** Collects what the references, the scripts' closure and the includes bring. */
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
/** What loading reads itself: inlined, so never copied. */
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
	/** Directories that hold the eval itself and that some command names. */
	readonly #partial = new Set<string>();
	/** Scripts that run where the eval is, so that they and what they import keep their path relative to it. */
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
			// A missing argument behind the script may be something that the run makes.
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

	/** Paths outside the repository come along, except programs and folders of the machine. */
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

	/** A custom grader keeps its place in `.agentv/`, since its type is how it is found; what it imports keeps its place beside it. */
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

	/** Words of a shell command, and values of options, that happen to name files where the command runs. */
	guess({ kind, command }: CommandUse): void {
		const directory = workingDirectory(command, kind, this.#evalDirectory);
		if (directory === undefined) return;
		for (const path of guessedFiles(command, kind, directory, this.#input.view)) {
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
			...references.commands.flatMap(({ command, kind }) => workingDirectory(command, kind, this.#evalDirectory) ?? []),
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

	/** Included files stand where the eval had them and, for scripts that find them relative to themselves, among the scripts. */
	addIncluded(): void {
		const at = { file: this.#input.loaded.file, path: [] };
		const mirrored = !this.areas.scripts.isEmpty();
		for (const path of this.#input.included) {
			this.#addOwn(path, "include", at);
			if (mirrored) this.areas.scripts.add(path, "include", at);
		}
	}

	/** Directories in which commands run get a place where something is copied for them. */
	placeWorkingDirectories(): void {
		const { scripts } = this.areas;
		const needed = new Set<string>();
		const suiteDirectories = new Set([...this.#input.suites.values()].map((suite) => suite.directory));
		for (const { kind, command } of this.#input.references.commands) {
			const directory = workingDirectory(command, kind, this.#evalDirectory);
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

	/** The path below the bundle that a path has relative to the eval, or to the suite that it belongs to. */
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
