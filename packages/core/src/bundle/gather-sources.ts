import { basename, dirname, isAbsolute, join, relative } from "node:path";
import type { CommandSpec } from "../eval/command.ts";
import { guessedFiles, isLaterArgument, workingDirectory } from "../eval/command-files.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { outOfReach, referenceNoun } from "../eval/read-shape.ts";
import { type ScriptClosure, scriptClosure } from "../eval/script-closure.ts";
import { mayBeScript } from "../eval/script-imports.ts";
import type { DiskView } from "../eval/source.ts";
import type { Reference, References } from "../eval/visit.ts";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { isSecretFile } from "../lib/secret-shapes.ts";
import { compareByBytes, isInside, targetKind } from "../machine/files.ts";
import { emptyDirectories, listEntry, type TreeEntry } from "../machine/find-files.ts";
import { type CopyRoot, PlannedCopy } from "./bundle-plan.ts";
import {
	type Area,
	AreaContent,
	areas,
	followLinks,
	type Layout,
	linkEscapes,
	pathCollision,
	type SuitePlace,
	toBundlePath,
} from "./layout.ts";

const quote = (text: string) => JSON.stringify(text);

const referenceMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, kind, lookedIn }) => `${kind} ${quote(raw)} does not exist (looked in ${lookedIn})`,
	hint: () => "paths are relative to the file that contains them",
};

const argumentMissing: FindingKind<{ raw: string }> = {
	rule: "path.missing",
	severity: "warning",
	message: ({ raw }) => `the argument ${quote(raw)} is not a file, so nothing is bundled for it`,
};

const outsideRepository: FindingKind<{ raw: string; path: string }> = {
	rule: "path.outside-repo",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} is outside the repository; it is copied from this machine`,
};

const machinePath: FindingKind<{ raw: string }> = {
	rule: "path.absolute",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} stays a path on this machine: the bundle needs it wherever it runs`,
};

const opaqueCommand: FindingKind<{ command: string }> = {
	rule: "path.opaque",
	severity: "warning",
	message: ({ command }) =>
		`the files of a shell command can't be determined: ${quote(command.length > 80 ? `${command.slice(0, 79)}…` : command)}`,
	hint: () => "write the command as a list, or list the files it needs under `bundle.include` or with --include",
};

const partialDirectory: FindingKind<{ path: string }> = {
	rule: "path.outside-eval",
	severity: "warning",
	message: ({ path }) =>
		`${quote(path)} contains the eval itself: only files of that directory that are known to be needed are bundled`,
	hint: () => "list additional files under `bundle.include`, or with --include",
};

const metadataAbove: FindingKind<{ raw: string }> = {
	rule: "bundle.metadata-path",
	severity: "warning",
	message: ({ raw }) =>
		`the metadata refers to ${quote(raw)}, which is above the eval: scripts will not find it in the bundle`,
	hint: () => "move the file into the eval's directory",
};

interface GatherInput {
	readonly loaded: LoadedEval;
	readonly references: References;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	/** From `bundle.include` and `--include`. */
	readonly included: readonly string[];
	readonly view: DiskView;
}

export function gatherSources(input: GatherInput): GatheredSources {
	const gathering = new Gathering(input);
	for (const reference of input.references.files) gathering.reference(reference);
	for (const use of input.references.commands) gathering.guess(use);
	gathering.closeScripts();
	gathering.addIncluded();
	gathering.placeWorkingDirectories();
	return gathering;
}

const wordKinds = /^(hook|grader|target-command|healthcheck|preprocessor|prompt-command)$/;
const dataKinds = /^(input-file|prompt|fixtures|agent-rules)$/;
/** Read by the loader and inlined, so never copied. */
const inlined = /^(tests|suite|workspace-file|include)$/;

export type GatheredSources = Pick<
	Gathering,
	"areas" | "own" | "templates" | "bound" | "packages" | "programs" | "diagnostics"
>;

class Gathering {
	readonly areas: Readonly<Record<Area, AreaContent>>;
	/** Files outside the areas, by bundle path: scripts find them relative to the eval. */
	readonly own = new Map<string, { source: string; kind: BundleFileKind }>();
	/** By target, and by real directory. */
	readonly templates = new Map<string, string>();
	/** Commands with bare words that are files only in their working directory. */
	readonly bound = new Set<CommandSpec>();
	readonly diagnostics: Diagnostic[] = [];
	packages: readonly string[] = [];
	programs: readonly string[] = [];
	readonly #input: GatherInput;
	readonly #root: string;
	readonly #evalDirectory: string;
	readonly #here: Place;
	readonly #metadata = new Map<string, Place>();
	/** Directories in commands that contain the eval itself. */
	readonly #partial = new Set<string>();
	/** Scripts in the eval's directory keep their relative path, with their imports. */
	readonly #inPlace = new Set<string>();

	constructor(input: GatherInput) {
		this.#input = input;
		this.#root = input.loaded.scope.root;
		this.#evalDirectory = input.loaded.scope.directory;
		this.#here = { file: input.loaded.file, path: [] };
		const area = () => new AreaContent(this.#root, (diagnostic) => this.diagnostics.push(diagnostic));
		this.areas = { workspace: area(), scripts: area(), data: area() };
	}

	reference(reference: Reference): void {
		const { kind, state, at, raw, resolved } = reference;
		if (kind === "metadata-file") this.#metadataFile(reference);
		else if (state === "run-time" || inlined.test(kind)) return;
		else if (state === "opaque") this.#report(finding(opaqueCommand, { command: raw }, at));
		else if (state === "missing") {
			const data = { raw, kind: kind.replaceAll("-", " "), lookedIn: reference.base };
			// A missing argument after the script can be an output.
			const isOutput = wordKinds.test(kind) && isLaterArgument(reference);
			this.#report(isOutput ? finding(argumentMissing, data, at) : finding(referenceMissing, data, at));
		} else if (kind === "repository" || (state === "outside-root" && !this.#takesFromOutside(reference))) return;
		else if (kind === "template") {
			const real = this.areas.workspace.addTemplate(resolved, at);
			if (real !== undefined) this.templates.set(resolved, real);
		} else if (kind === "custom-grader") this.#customGrader(reference);
		else if (kind === "prompt-file") this.#addOwn(resolved, "data", at);
		else if (dataKinds.test(kind)) {
			if (kind === "agent-rules") this.areas.data.named.add(resolved);
			this.areas.data.add(resolved, "data", at);
		} else this.#script(reference);
	}

	#takesFromOutside(reference: Reference): boolean {
		const { raw, at, resolved, onDisk, kind } = reference;
		const ofMachine = isAbsolute(raw) && (onDisk !== "file" || (wordKinds.test(kind) && !mayBeScript(resolved)));
		if (ofMachine && (wordKinds.test(kind) || kind === "working-directory")) {
			this.#report(finding(machinePath, { raw }, at));
			return false;
		}
		const named = { raw, kind: referenceNoun(reference), at };
		const refused = outOfReach(resolved, named, this.#input.loaded.scope);
		this.#report(refused ?? finding(outsideRepository, { raw, path: resolved }, at));
		return refused === undefined;
	}

	#script(reference: Reference): void {
		const { resolved, at, onDisk, raw, word, command } = reference;
		if (command && word && !word.text.includes("/")) this.bound.add(command);
		if (onDisk !== "directory" || !isInside(resolved, this.#evalDirectory)) {
			this.areas.scripts.add(resolved, "script", at);
			return;
		}
		if (resolved !== this.#evalDirectory || word) this.#report(finding(partialDirectory, { path: raw }, at));
		this.#partial.add(resolved);
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

	/** Words of a shell command or option values may refer to files. */
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
		const { references, included } = this.#input;
		const start = [...scripts.files.keys(), ...scripts.treeFiles(), ...included];
		const directories = references.commands.map((command) => workingDirectory(command, this.#evalDirectory));
		const closure = this.#closure(start.filter(mayBeScript), [this.#evalDirectory, ...directories]);
		for (const file of closure.files) if (!included.includes(file)) scripts.add(file, "script", this.#here);
		for (const file of this.#closure(this.#inPlace).files)
			if (isInside(this.#evalDirectory, file)) this.#addOwn(file, "script", this.#here);
	}

	#closure(files: Iterable<string>, directories: readonly (string | undefined)[] = []): ScriptClosure {
		const workingDirectories = [...new Set(directories)].filter((directory) => directory !== undefined);
		const closure = scriptClosure(files, { view: this.#input.view, root: this.#root, workingDirectories });
		this.packages = [...new Set([...this.packages, ...closure.packages])].sort();
		this.programs = [...new Set([...this.programs, ...closure.programs])].sort();
		for (const diagnostic of closure.diagnostics) this.#report(diagnostic);
		return closure;
	}

	/** Scripts can use paths relative to themselves, so also puts the files among them. */
	addIncluded(): void {
		const mirrored = !this.areas.scripts.isEmpty();
		for (const path of this.#input.included) {
			this.#addOwn(path, "include", this.#here);
			if (mirrored) this.areas.scripts.add(path, "include", this.#here);
		}
	}

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
		const { links, real, leaving } = followLinks(path, this.#evalDirectory);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return;
		}
		for (const source of [...links, real]) {
			const place = this.#ownPlace(source);
			if (place === undefined) continue;
			if (targetKind(source) === "directory" && !links.includes(source)) {
				for (const inner of directoryFiles(source, this.#input.view)) this.#addOwn(inner, kind, at);
			} else this.#place(place, source, kind, at);
		}
	}

	#ownPlace(path: string): string | undefined {
		if (isInside(this.#evalDirectory, path)) return toBundlePath(relative(this.#evalDirectory, path));
		const suites = [...this.#input.suites.values()].filter(({ directory }) => isInside(directory, path));
		const [suite] = suites.sort((a, b) => b.directory.length - a.directory.length);
		return suite && toBundlePath(suite.bundleDirectory, relative(suite.directory, path));
	}

	#place(place: string, source: string, kind: BundleFileKind, at: Place): void {
		const first = this.own.get(place)?.source;
		if (first === undefined) this.own.set(place, { source, kind });
		else if (first !== source) this.#report(finding(pathCollision, { path: place, first, second: source }, at));
	}

	#report(diagnostic: Diagnostic): void {
		this.diagnostics.push(diagnostic);
	}
}

function* directoryFiles(directory: string, view: DiskView): Generator<string> {
	for (const name of view.list(directory)) {
		const path = join(directory, name);
		if (view.kind(path) === "directory") yield* directoryFiles(path, view);
		else yield path;
	}
}

const dotEnvFile: FindingKind<{ path: string }> = {
	rule: "bundle.dot-env",
	severity: "error",
	message: ({ path }) => `${path} would be bundled, but files of this name contain secrets`,
	hint: () => "move it elsewhere, or add it with --include if it contains none",
};

const caseCollision: FindingKind<{ first: string; second: string }> = {
	rule: "bundle.case-collision",
	severity: "error",
	message: ({ first, second }) =>
		`${first} and ${second} differ only in letter case: one would replace the other on case-insensitive file systems`,
};

interface CollectedCopies {
	readonly copies: readonly PlannedCopy[];
	/** Only directories that no file creates. */
	readonly emptyDirectories: readonly string[];
}

const linkKinds = { workspace: "template", scripts: "script", data: "data" } as const;

export function collectCopies(gathered: GatheredSources, layout: Layout): CollectedCopies {
	const copies: PlannedCopy[] = [];
	const directories = new Set<string>();
	const addFile = (to: string, from: string, kind: BundleFileKind) =>
		copies.push(new PlannedCopy({ from, to, kind }, "", listEntry(from)));
	const place = (area: Area, path: string): string => {
		const to = layout.place(area, path);
		if (to === undefined) throw new AgentvError("internal", `${path} has no place in ${area}`);
		return to;
	};
	for (const [to, { source, kind }] of gathered.own) addFile(to, source, kind);
	for (const area of areas) {
		const content = gathered.areas[area];
		for (const [source, kind] of content.files) addFile(place(area, source), source, kind);
		for (const source of content.links) addFile(place(area, source), source, linkKinds[area]);
		for (const [from, { kind, entries }] of content.trees) {
			const to = place(area, from);
			for (const copy of treeCopies({ from, to, kind }, entries)) copies.push(copy);
			for (const path of emptyDirectories(entries)) directories.add(join(to, path));
			if (entries.length === 0) directories.add(to);
		}
	}
	return { copies: distinct(copies.sort(byTarget)), emptyDirectories: [...directories].sort(compareByBytes) };
}

export function treeCopies(root: CopyRoot, entries: readonly TreeEntry[]): PlannedCopy[] {
	return entries.flatMap((entry) => (entry.kind === "directory" ? [] : [new PlannedCopy(root, entry.path, entry)]));
}

function byTarget(a: PlannedCopy, b: PlannedCopy): number {
	return a.root === b.root ? compareByBytes(a.path, b.path) : compareByBytes(a.target, b.target);
}

/** A file in a copied directory can also be referenced directly. */
function distinct(sorted: readonly PlannedCopy[]): PlannedCopy[] {
	return sorted.filter((copy, index) => {
		const before = sorted[index - 1];
		if (!before || before.root === copy.root || before.target !== copy.target) return true;
		return before.source !== copy.source;
	});
}

/**
 * @param generated bundle paths of other files
 * @param allowedDotEnv `.env` files that may be copied
 */
export function* checkCopies(
	copies: readonly PlannedCopy[],
	generated: readonly string[],
	at: Place,
	allowedDotEnv: ReadonlySet<string>,
): Generator<Diagnostic> {
	const written = new Set(generated);
	const directories = new Set<string>();
	for (const path of generated) addParents(path, directories);
	for (const { target } of copies) addParents(target, directories);
	let before = "";
	for (const { target: path, source } of copies) {
		let second: string | undefined;
		if (written.has(path)) second = "a file of the bundle itself";
		else if (directories.has(path)) second = "a directory";
		else if (path === before) second = "another file";
		if (second !== undefined) yield finding(pathCollision, { path, first: source, second }, at);
		before = path;
	}
	yield* foldedCollisions(copies, [...written, ...directories], at);
	for (const { source, link } of copies)
		if (link === undefined && isSecretFile(basename(source)) && !allowedDotEnv.has(source))
			yield finding(dotEnvFile, { path: source }, at);
}

function addParents(path: string, directories: Set<string>): void {
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
		const directory = path.slice(0, slash);
		if (directories.has(directory)) return;
		directories.add(directory);
	}
}

/** Helps case-insensitive file systems; only remembers paths that aren't lower case. */
function* foldedCollisions(
	copies: readonly PlannedCopy[],
	others: readonly string[],
	at: Place,
): Generator<Diagnostic> {
	const spelled = new Map<string, string>();
	const eachPath = function* () {
		for (const { target } of copies) yield target;
		yield* others;
	};
	for (const path of eachPath()) {
		const folded = path.normalize("NFC").toLowerCase();
		if (folded === path) continue;
		const first = spelled.get(folded);
		if (first === undefined) spelled.set(folded, path);
		else if (first !== path) yield finding(caseCollision, { first, second: path }, at);
	}
	if (spelled.size === 0) return;
	for (const path of eachPath()) {
		const first = spelled.get(path);
		if (first !== undefined && first !== path) yield finding(caseCollision, { first, second: path }, at);
	}
}
