import { isBuiltin } from "node:module";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { AgentvError, type Diagnostic, type FindingKind, finding } from "../lib/errors.ts";
import { longestGlob, textGlob } from "../lib/glob.ts";
import { decoded } from "../lib/secret-shapes.ts";
import { isInside, realPath } from "../machine/files.ts";
import { type ProviderName, providers } from "../targets/providers/index.ts";
import { withParents } from "./discover-evals.ts";
import { programEndings } from "./load-assertions.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import {
	javascriptImports,
	mayBeScript,
	pythonImports,
	type ScriptImport,
	type ScriptImports,
	type ScriptLanguage,
	scriptLanguage,
	shebangProgram,
	shellImports,
} from "./script-imports.ts";
import type { DiskView } from "./source.ts";
import type { References } from "./visit.ts";

const endings = [".mjs", ".js", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".json", ".node"];
/** TypeScript imports use the extension of the compiled file. */
const written: Readonly<Record<string, readonly string[]>> = {
	".js": [".ts", ".tsx"],
	".jsx": [".tsx"],
	".mjs": [".mts"],
	".cjs": [".cts"],
};

/** Follows TypeScript's rules: as written, with an extension, or a directory's index. */
function resolveRelative(specifier: string, directory: string, view: DiskView): string | undefined {
	const path = resolve(directory, decoded(specifier.replace(/[?#].*$/s, "")));
	if (view.kind(path) === "file") return path;
	const ending = /\.[cm]?jsx?$/.exec(path)?.[0];
	const candidates = [
		...(ending ? (written[ending] ?? []).map((other) => path.slice(0, -ending.length) + other) : []),
		...endings.map((other) => path + other),
		...(view.kind(path) === "directory" ? inDirectory(path, view) : []),
	];
	return candidates.find((candidate) => view.kind(candidate) === "file");
}

function inDirectory(path: string, view: DiskView): string[] {
	const main = packageFields(join(path, "package.json"), view)?.main;
	const fromMain =
		typeof main === "string"
			? [join(path, main), ...endings.map((ending) => join(path, main + ending)), join(path, main, "index.js")]
			: [];
	return [...fromMain, ...endings.map((ending) => join(path, `index${ending}`))];
}

/** The nearest `package.json` defines the meaning of `.js` and of `#name`. */
function nearestPackage(directory: string, root: string, view: DiskView): string | undefined {
	const bound = isInside(root, directory) ? root : directory;
	for (const parent of withParents(directory, bound)) {
		const file = join(parent, "package.json");
		if (view.kind(file) === "file") return file;
	}
	return undefined;
}

function subpathImports(specifier: string, packageFile: string, view: DiskView): string[] {
	const imports = packageFields(packageFile, view)?.imports;
	if (typeof imports !== "object" || imports === null) return [];
	const targets: string[] = [];
	for (const [pattern, target] of Object.entries(imports)) {
		const star = starOf(pattern, specifier);
		if (star !== undefined) targets.push(...stringsIn(target).map((text) => text.replaceAll("*", star)));
	}
	return targets
		.filter((target) => target.startsWith("./"))
		.flatMap((target) => resolveRelative(target, dirname(packageFile), view) ?? []);
}

function starOf(pattern: string, specifier: string): string | undefined {
	if (!pattern.includes("*")) return pattern === specifier ? "" : undefined;
	const [before = "", after = ""] = pattern.split("*");
	return specifier.startsWith(before) && specifier.endsWith(after) && specifier.length >= before.length + after.length
		? specifier.slice(before.length, specifier.length - after.length)
		: undefined;
}

function stringsIn(value: unknown): string[] {
	if (typeof value === "string") return [value];
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

function packageFields(file: string, view: DiskView): { main?: unknown; imports?: unknown } | undefined {
	if (view.kind(file) !== "file") return undefined;
	try {
		const value: unknown = JSON.parse(view.readText(file));
		return typeof value === "object" && value !== null ? value : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Returns `@scope/name` for `@scope/name/sub`; undefined if it isn't a package. */
function packageName(specifier: string): string | undefined {
	return /^(?:@[\w.-]+\/)?[\w][\w.-]*/.exec(specifier)?.[0];
}

/** Returns packages as a whole, because they load their own parts. */
export function resolvePython(name: string, directories: readonly string[], view: DiskView): string[] {
	const dots = /^\.*/.exec(name)?.[0].length ?? 0;
	const parts = name.slice(dots).split(".").filter(Boolean);
	const own = directories[0];
	const bases = dots > 0 ? (own === undefined ? [] : [resolve(own, ...Array(dots - 1).fill(".."))]) : directories;
	for (const base of bases) {
		const found = inPythonPath(base, parts, view);
		if (found.length > 0) return found;
	}
	return [];
}

function inPythonPath(base: string, parts: readonly string[], view: DiskView): string[] {
	const paths: string[] = [];
	let at = base;
	if (parts.length === 0) return ["__init__.py"].map((file) => join(base, file)).filter((file) => isFile(file, view));
	for (const part of parts) {
		const module = join(at, `${part}.py`);
		at = join(at, part);
		const init = join(at, "__init__.py");
		if (isFile(init, view)) paths.push(init);
		else if (isFile(module, view)) return [...paths, module];
		else if (view.kind(at) !== "directory") return paths;
	}
	return paths;
}

function isFile(path: string, view: DiskView): boolean {
	return view.kind(path) === "file";
}

const unknownImport: FindingKind<{ what: string }> = {
	rule: "scripts.unknown-import",
	severity: "warning",
	message: ({ what }) => `${what}: the files it needs can't be determined`,
	hint: () => "list the files it needs under `bundle.include`, or with --include",
};

const missingImport: FindingKind<{ specifier: string }> = {
	rule: "scripts.missing-import",
	severity: "warning",
	message: ({ specifier }) => `the script imports ${JSON.stringify(specifier)}, which does not exist`,
};

function importUnknown(file: string, line: number, what: string): Diagnostic {
	return finding(unknownImport, { what }, { file, line });
}

function importMissing(file: string, line: number, specifier: string): Diagnostic {
	return finding(missingImport, { specifier }, { file, line });
}

export interface ScriptClosure {
	/** Absolute, sorted: scripts, imports, files next to them, and their `package.json`. */
	readonly files: readonly string[];
	/** Imported from `node_modules`, sorted. */
	readonly packages: readonly string[];
	/** From `#!` lines, sorted. */
	readonly programs: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

interface ClosureOptions {
	readonly view: DiskView;
	/** The eval's repository or bundle; nothing outside is searched. */
	readonly root: string;
	/** For a shell's `source` and Python's modules, in addition to the script's own. */
	readonly workingDirectories?: readonly string[];
}

/**
 * Uses a parser for JavaScript and TypeScript, and a line scan for Python and shell files. Never
 * enters `node_modules`, and never throws because of a script's content.
 */
export function scriptClosure(scripts: Iterable<string>, options: ClosureOptions): ScriptClosure {
	const walk = new ClosureWalk(options);
	for (const script of scripts) walk.add(script, dirname(realPath(script)));
	walk.run();
	return {
		files: [...walk.files].sort(),
		packages: [...walk.packages].sort(),
		programs: [...walk.programs].sort(),
		diagnostics: walk.diagnostics,
	};
}

interface Waiting {
	readonly file: string;
	/** Python searches modules in the started script's directory. */
	readonly start: string;
}

class ClosureWalk {
	readonly files = new Set<string>();
	readonly packages = new Set<string>();
	readonly programs = new Set<string>();
	readonly diagnostics: Diagnostic[] = [];
	readonly #waiting: Waiting[] = [];
	readonly #options: ClosureOptions;

	constructor(options: ClosureOptions) {
		this.#options = options;
	}

	add(file: string, start: string): void {
		if (this.files.has(file)) return;
		this.files.add(file);
		if (mayBeScript(file)) this.#waiting.push({ file, start });
	}

	run(): void {
		for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) this.#read(next);
	}

	#read({ file, start }: Waiting): void {
		const text = this.#text(file);
		if (text === undefined) return;
		const program = shebangProgram(text);
		if (program !== undefined) this.programs.add(program);
		const language = scriptLanguage(file, text);
		// Modules are resolved relative to the real file, not to a link to it.
		const directory = dirname(realPath(file));
		const { imports, unknown } = scanners[language](text);
		for (const { line, what } of unknown) this.diagnostics.push(importUnknown(file, line, what));
		for (const scriptImport of imports) this.#follow(scriptImport, language, file, directory, start);
		if (language === "javascript") this.#addPackageFile(file, directory, imports, start);
	}

	#text(file: string): string | undefined {
		try {
			return this.#options.view.readText(file);
		} catch (error) {
			// Not UTF-8, or huge: not a script. The caller reports a missing one.
			if (error instanceof AgentvError) return undefined;
			throw error;
		}
	}

	#follow(found: ScriptImport, language: ScriptLanguage, file: string, directory: string, start: string): void {
		if (found.kind === "file") this.#followFile(found, language, directory, start);
		else if (found.kind === "pattern") this.#followPattern(found, directory, start);
		else if (language === "python") {
			const bases = [directory, start, ...(this.#options.workingDirectories ?? [])];
			for (const path of resolvePython(found.specifier, bases, this.#options.view)) this.#addPython(path, start);
		} else this.#followModule(found, file, directory, start);
	}

	/** A package is included as a whole: what it loads at run time is within it. */
	#addPython(path: string, start: string): void {
		if (basename(path) === "__init__.py") this.#addDirectory(dirname(path), start);
		else this.add(path, start);
	}

	#followFile({ specifier }: ScriptImport, language: ScriptLanguage, directory: string, start: string): void {
		const bases = [directory, ...(language === "shell" ? (this.#options.workingDirectories ?? []) : [])];
		for (const base of bases) {
			const path = resolve(base, specifier);
			const kind = this.#options.view.kind(path);
			// The script's own directory, or a parent of it, is a base for computed paths, not a
			// needed file.
			if (kind === "directory" && !isInside(path, directory) && isInside(this.#options.root, path))
				this.#addDirectory(path, start);
			if (kind === "file") this.add(path, start);
			if (kind !== "missing") return;
		}
	}

	#followPattern({ specifier }: ScriptImport, directory: string, start: string): void {
		if (!specifier.startsWith(".")) return;
		// Only names in one directory are matched: a `*` before another slash matches none.
		const whole = resolve(directory, specifier);
		const [folder, pattern] = [dirname(whole), basename(whole)];
		if (folder.includes("*") || pattern.length > longestGlob) return;
		const matches = textGlob(pattern);
		for (const name of this.#options.view.list(folder)) {
			const path = join(folder, name);
			if (matches(name) && this.#options.view.kind(path) === "file") this.add(path, start);
		}
	}

	#followModule({ specifier, line, guessed }: ScriptImport, file: string, directory: string, start: string): void {
		const { view, root } = this.#options;
		if (/^\.{1,2}(\/|$)/.test(specifier)) {
			const path = resolveRelative(specifier, directory, view);
			if (path) this.add(path, start);
			else if (!guessed) this.diagnostics.push(importMissing(file, line, specifier));
			return;
		}
		if (specifier.startsWith("#")) {
			const packageFile = nearestPackage(directory, root, view);
			if (!packageFile) return;
			for (const path of subpathImports(specifier, packageFile, view)) this.add(path, start);
			return;
		}
		if (isBuiltin(specifier) || /^[a-z][a-z0-9+.-]*:|^\//i.test(specifier)) return;
		const name = packageName(specifier);
		if (name) this.packages.add(name);
	}

	/** The nearest `package.json` defines the meaning of `.js` for Node and TypeScript loaders. */
	#addPackageFile(file: string, directory: string, imports: readonly ScriptImport[], start: string): void {
		const decides = !/\.[cm]js$/.test(file) || imports.some(({ specifier }) => specifier.startsWith("#"));
		const packageFile = decides ? nearestPackage(directory, this.#options.root, this.#options.view) : undefined;
		if (packageFile) this.add(packageFile, start);
	}

	#addDirectory(directory: string, start: string): void {
		const real = realPath(directory);
		for (const name of this.#options.view.list(directory)) {
			if (name === "node_modules" || name === ".git" || name === "__pycache__") continue;
			const path = join(directory, name);
			const kind = this.#options.view.kind(path);
			if (kind === "file") this.add(path, start);
			// Linked directories are not entered: they can form cycles.
			else if (kind === "directory" && realPath(path) === join(real, name)) this.#addDirectory(path, start);
		}
	}
}

const nothing: ScriptImports = { imports: [], unknown: [] };
const scanners: Readonly<Record<ScriptLanguage, (text: string) => ScriptImports>> = {
	javascript: javascriptImports,
	python: pythonImports,
	shell: shellImports,
	other: () => ({ imports: [], unknown: [{ line: 1, what: "imports in an unsupported language" }] }),
	none: () => nothing,
};

export function agentProgram(name: ProviderName): string | undefined {
	const provider = providers[name];
	return provider.kind === "agent" ? provider.executable : undefined;
}

export const typeScriptRunners = "bun or tsx";

const interpreters: Readonly<Record<(typeof programEndings)[number], string>> = {
	mjs: "node",
	js: "node",
	ts: typeScriptRunners,
	py: "python3",
	sh: "sh",
};

/** Returns names or absolute paths. */
export function neededPrograms(references: References, targets: readonly ResolvedTarget[]): Set<string> {
	const programs = new Set<string>(references.executables.map(({ name }) => name));
	for (const { kind, resolved, word } of references.files) {
		const ending = programEndings.find((candidate) => resolved.endsWith(`.${candidate}`));
		if ((kind === "custom-grader" || kind === "extension") && ending) programs.add(interpreters[ending]);
		if (word?.index === 0 && isAbsolute(word.text)) programs.add(word.text);
	}
	for (const { provider, settings } of targets) {
		const named = "executable" in settings ? settings.executable : undefined;
		const program = named ?? agentProgram(provider);
		if (program !== undefined) programs.add(program);
	}
	return programs;
}
