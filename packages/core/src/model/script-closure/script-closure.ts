import { isBuiltin } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { longestGlob, textGlob } from "../../base/glob-text.ts";
import { isInside } from "../../io/files/path-inside.ts";
import { realPath } from "../../io/files/stat-path.ts";
import type { DiskView } from "../disk-view.ts";
import { importMissing, importUnknown } from "./closure-findings.ts";
import { javascriptImports } from "./javascript-imports.ts";
import { pythonImports } from "./python-imports.ts";
import { nearestPackage, packageName, resolvePython, resolveRelative, subpathImports } from "./resolve-module.ts";
import type { ScriptImport, ScriptImports } from "./script-import.ts";
import { mayBeScript, type ScriptLanguage, scriptLanguage, shebangProgram } from "./script-language.ts";
import { shellImports } from "./shell-imports.ts";

/** Scripts with everything they are known to need. */
export interface ScriptClosure {
	/** Absolute, sorted: scripts, imports, files next to them, and their `package.json`. */
	readonly files: readonly string[];
	/** npm packages that are imported from `node_modules`, sorted. */
	readonly packages: readonly string[];
	/** Programs of `#!` lines, sorted. */
	readonly programs: readonly string[];
	/** Warnings: what is unknown without running a script, and imports of files that do not exist. */
	readonly diagnostics: readonly Diagnostic[];
}

export interface ClosureOptions {
	readonly view: DiskView;
	/** Bound of every search: the eval's repository or bundle. */
	readonly root: string;
	/** Directories for a shell's `source` and Python's modules, in addition to the script's own. */
	readonly workingDirectories?: readonly string[];
}

/**
 * Follows the relative imports of `scripts` (absolute paths): JavaScript and TypeScript by a parser
 * (static, literal dynamic,
 * `require`, `new URL("./x", import.meta.url)`), Python modules and sourced shell files by a line
 * scan. Files only; `node_modules` is never entered. Never throws because of a script's content.
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
	/** Directory of the started script: Python searches modules there. */
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
		for (const found of imports) this.#follow(found, language, file, directory, start);
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
			// The script's own directory, or a parent of it, is a base for computed paths, not a needed
			// file.
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
