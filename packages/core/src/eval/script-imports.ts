import { basename, extname } from "node:path";
import { type Import, parse } from "es-module-lexer";

const literal = String.raw`(['"\`])((?:(?!\1)[^\\\n$])+)\1`;
const metaResolve = new RegExp(String.raw`\bimport\.meta\.resolve\s*\(\s*${literal}\s*\)`, "g");
const urlOfMeta = new RegExp(String.raw`\bnew\s+URL\s*\(\s*${literal}\s*,\s*import\.meta\.(?:url|filename)\s*\)`, "g");
const besideScript =
	/\b(?:join|resolve)\s*\(\s*(?:__dirname|import\.meta\.(?:dirname|dir))\s*((?:,\s*(?:'[^'\n]*'|"[^"\n]*")\s*)+)\)/g;
const makerAlias = /\bcreateRequire\s+as\s+([\w$]+)/g;
const statement = /^[ \t]*(?:import|export)\b[^'"\n\r\u2028\u2029;]*(?:(?<=\bfrom[ \t]*)\s+)?(['"])([^'"\n]+)\1/gm;
const dynamic = /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g;

/** Uses a parser for import syntax, and patterns for other forms. */
export function javascriptImports(text: string): ScriptImports {
	const lineOf = lineCounter(text);
	const imports: ScriptImport[] = [];
	const unknown: UnknownImport[] = [];
	const parsed = parseModule(text);
	if (parsed) for (const parsedImport of parsed) readImport(parsedImport, lineOf, imports, unknown);
	else {
		// JSX with quotes in its text: scan line by line, which finds every import at the start of
		// a line.
		for (const pattern of [statement, dynamic]) scan(text, pattern, lineOf, imports, "module", true);
	}
	const { called, computed } = requirePatterns(text);
	scan(text, called, lineOf, imports, "module", true);
	scan(text, metaResolve, lineOf, imports, "module", true);
	scan(text, urlOfMeta, lineOf, imports, "file", true);
	for (const match of text.matchAll(besideScript)) {
		const parts = [...(match[1] ?? "").matchAll(/'([^'\n]*)'|"([^"\n]*)"/g)].map((part) => part[1] ?? part[2] ?? "");
		imports.push({ kind: "file", specifier: `./${parts.join("/")}`, line: lineOf(match.index), guessed: true });
	}
	for (const match of text.matchAll(computed))
		if (!inComment(text, match.index)) unknown.push({ line: lineOf(match.index), what: "a computed require" });
	return { imports, unknown };
}

function requirePatterns(text: string): { readonly called: RegExp; readonly computed: RegExp } {
	const makers = namesOf("createRequire", text, makerAlias);
	const made = String.raw`(?:(?<![\w$])[\w$]+\s*\.\s*)?(?:${makers.join("|")})\s*\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)`;
	const assigned = new RegExp(String.raw`(?<![\w$])([\w$]+)\s*(?::\s*[\w$.]+\s*)?=\s*${made}(?!\s*[.(])`, "g");
	const names = namesOf("require", text, assigned);
	const callee = String.raw`(?:(?<![.\w$])(?:${names.join("|")})|${made})`;
	return {
		called: new RegExp(String.raw`${callee}(?:\.resolve)?\s*\(\s*${literal}\s*[,)]`, "g"),
		computed: new RegExp(String.raw`${callee}\s*\(\s*(?!['"\x60\s)])`, "g"),
	};
}

/** A module with more aliases for one function is scanned no more: each needs another pass. */
const maxNames = 50;

function namesOf(first: string, text: string, pattern: RegExp): string[] {
	const names = new Set([first]);
	for (const [, name] of text.matchAll(pattern)) if (name !== undefined && names.size < maxNames) names.add(name);
	return [...names].map(escaped);
}

function escaped(name: string): string {
	return name.replaceAll("$", String.raw`\$`);
}

function parseModule(text: string): readonly Import[] | undefined {
	try {
		return parse(text)[0];
	} catch (error) {
		if (error instanceof Error) return undefined;
		throw error;
	}
}

function readImport(
	found: Import,
	lineOf: (offset: number) => number,
	imports: ScriptImport[],
	unknown: UnknownImport[],
): void {
	if (found.type === "import-meta") return;
	const line = lineOf(found.importStart);
	if (found.type !== "dynamic") imports.push({ kind: "module", specifier: found.specifier, line, guessed: false });
	else if (found.specifier === undefined) unknown.push({ line, what: "a computed import" });
	else if (found.glob) {
		imports.push({ kind: "pattern", specifier: found.specifier, line, guessed: true });
		unknown.push({ line, what: "a computed import" });
	} else imports.push({ kind: "module", specifier: found.specifier, line, guessed: false });
}

function scan(
	text: string,
	pattern: RegExp,
	lineOf: (offset: number) => number,
	imports: ScriptImport[],
	kind: ScriptImport["kind"],
	guessed: boolean,
): void {
	for (const match of text.matchAll(pattern))
		if (match[2] !== undefined) imports.push({ kind, specifier: match[2], line: lineOf(match.index), guessed });
}

function inComment(text: string, offset: number): boolean {
	const before = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset).trimStart();
	return before.startsWith("//") || before.startsWith("*") || before.startsWith("/*");
}

const plainImport = /^[ \t]*import[ \t]+([\w., \t]+)/gm;
const fromImport = /^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(?:\(([^)]*)\)|([^\n#(]*))/gm;
const literalImport = /\b(?:import_module|__import__)\(\s*['"]([\w.]+)['"]/g;
const computedImport = /\b(?:import_module|__import__|run_path|run_module|spec_from_file_location)\(\s*(?!['"])\S/g;
const searchPath = /\bsys\.path\b\s*(?:\.|\[|=|\+)/g;
const besideFile = /^.*__file__.*$/gm;

/** Scans lines, because only Python can parse Python. */
export function pythonImports(text: string): ScriptImports {
	const lineOf = lineCounter(text);
	const imports: ScriptImport[] = [];
	const unknown: UnknownImport[] = [];
	const add = (specifier: string, offset: number) =>
		imports.push({ kind: "module", specifier, line: lineOf(offset), guessed: true });
	for (const match of text.matchAll(plainImport))
		for (const name of (match[1] ?? "").split(",")) add(name.trim().split(/\s/)[0] ?? "", match.index);
	for (const match of text.matchAll(fromImport)) {
		const from = match[1] ?? "";
		add(from, match.index);
		for (const name of (match[2] ?? match[3] ?? "").replace(/#.*$/gm, "").split(",")) {
			const imported = name.trim().split(/\s/)[0] ?? "";
			if (/^\w+$/.test(imported)) add(`${from}${from.endsWith(".") || from === "" ? "" : "."}${imported}`, match.index);
		}
	}
	for (const match of text.matchAll(literalImport)) add(match[1] ?? "", match.index);
	for (const match of text.matchAll(computedImport))
		unknown.push({ line: lineOf(match.index), what: "a computed import" });
	for (const match of text.matchAll(searchPath))
		unknown.push({ line: lineOf(match.index), what: "a changed module search path" });
	for (const match of text.matchAll(besideFile)) {
		const path = pathBesideFile(match[0]);
		if (path) imports.push({ kind: "file", specifier: path, line: lineOf(match.index), guessed: true });
	}
	return { imports, unknown };
}

/** Reads `Path(__file__).parent / "x.json"` and its `os.path` form as a relative path. */
function pathBesideFile(line: string): string | undefined {
	const at = line.indexOf("__file__");
	const literals = [...line.slice(at).matchAll(/['"]([^'"]+)['"]/g)].map((match) => match[1] ?? "");
	if (literals.length === 0) return undefined;
	const ups = Math.max(
		(line.match(/\.parent\b/g) ?? []).length,
		(line.slice(0, at).match(/\bdirname\(/g) ?? []).length,
		1,
	);
	return `./${"../".repeat(ups - 1)}${literals.join("/")}`;
}

const ownDirectory = String.raw`(?:\$\(\s*dirname[^)]{0,300}\)|\$\{(?:0|BASH_SOURCE[^}]{0,100})%/\*\}|\$\{?(?:\w*(?:DIR|dir|PATH|path)|HERE|here)\}?)`;
const besideShellScript = new RegExp(String.raw`["']?${ownDirectory}["']?/([\w./@+-]+)`, "g");
const relativeWord = /(?<![\w$}/)"'])(\.{1,2}\/[\w./@+-]+)/g;
const sourced = /^[ \t]*(?:source|\.)[ \t]+(\S.*)$/gm;

export function shellImports(text: string): ScriptImports {
	const code = text.replace(/^[ \t]*#.*$/gm, (comment) => " ".repeat(comment.length));
	const lineOf = lineCounter(code);
	const imports: ScriptImport[] = [];
	const unknown: UnknownImport[] = [];
	const add = (specifier: string, offset: number) =>
		imports.push({ kind: "file", specifier, line: lineOf(offset), guessed: true });
	for (const match of code.matchAll(besideShellScript)) add(`./${match[1]}`, match.index);
	for (const match of code.matchAll(relativeWord)) add(match[1] ?? "", match.index);
	for (const match of code.matchAll(sourced)) {
		const word = (match[1] ?? "").trim();
		const plain = /^["']?([\w./@+-]+)["']?(?:\s|;|$)/.exec(word)?.[1];
		if (plain) add(plain, match.index);
		else if (!new RegExp(`^["']?${ownDirectory}["']?/[\\w./@+-]+["']?(?:\\s|;|$)`).test(word))
			unknown.push({ line: lineOf(match.index), what: "a sourced file with a computed name" });
	}
	return { imports, unknown };
}

export interface ScriptImports {
	readonly imports: readonly ScriptImport[];
	readonly unknown: readonly UnknownImport[];
}

export interface ScriptImport {
	/** `pattern`: a path with a `*` for each computed part. */
	readonly kind: "module" | "file" | "pattern";
	readonly specifier: string;
	/** 1-based. */
	readonly line: number;
	/** Found by a text scan instead of a parser, so a missing file is not an error. */
	readonly guessed: boolean;
}

interface UnknownImport {
	readonly line: number;
	readonly what: string;
}

/** Offsets must increase from call to call. */
function lineCounter(text: string): (offset: number) => number {
	let line = 1;
	let seen = 0;
	return (offset) => {
		if (offset < seen) {
			line = 1;
			seen = 0;
		}
		for (let at = text.indexOf("\n", seen); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
			line += 1;
			seen = at + 1;
		}
		return line;
	};
}

/** `other` is a script in another language, `none` is not a script. */
export type ScriptLanguage = "javascript" | "python" | "shell" | "other" | "none";

const byEnding: Readonly<Record<string, ScriptLanguage>> = {
	...Object.fromEntries(
		[".mjs", ".js", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"].map((ending) => [ending, "javascript"]),
	),
	".py": "python",
	".sh": "shell",
	".bash": "shell",
	".zsh": "shell",
	...Object.fromEntries([".rb", ".pl", ".php", ".lua", ".r", ".ps1", ".jl"].map((ending) => [ending, "other"])),
};

const shebang = /^#!\s*(?:\/\S*\/)?(?:env\s+(?:-S\s+)?)?([\w.+-]+)/;

/** `#!/usr/bin/env python3` gives `python3`. */
export function shebangProgram(text: string): string | undefined {
	return shebang.exec(text.slice(0, 256))?.[1];
}

/** Returns true if the name determines the language, so that the text need not be read. */
export function mayBeScript(file: string): boolean {
	const ending = extname(file).toLowerCase();
	return ending === "" ? !basename(file).startsWith(".") : Object.hasOwn(byEnding, ending);
}

export function scriptLanguage(file: string, text: string): ScriptLanguage {
	const known = byEnding[extname(file).toLowerCase()];
	if (known) return known;
	const program = shebangProgram(text);
	if (program === undefined) return "none";
	if (/^(node|bun|deno|tsx)$/.test(program)) return "javascript";
	if (/^python[\d.]*$/.test(program)) return "python";
	return /^(ba|z|da|k)?sh$/.test(program) ? "shell" : "other";
}

/** Returns undefined for `export *` from elsewhere, computed exports, or a syntax error. */
export function moduleExports(text: string): ReadonlySet<string> | undefined {
	const names = new Set<string>();
	try {
		for (const parsedExport of parse(text)[1]) {
			if (parsedExport.type === "reexport-all") return undefined;
			if ("name" in parsedExport && typeof parsedExport.name === "string" && !parsedExport.typeOnly)
				names.add(parsedExport.name);
		}
	} catch (error) {
		if (error instanceof Error) return undefined;
		throw error;
	}
	if (/\bmodule\.exports\s*=(?!\s*\{)/.test(text)) return undefined;
	for (const [, name] of text.matchAll(/\bexports\.([A-Za-z_$][\w$]*)\s*=/g)) names.add(name as string);
	const literal = /\bmodule\.exports\s*=\s*\{([\s\S]*)/.exec(text)?.[1];
	if (literal?.includes("...")) return undefined;
	// Only a parser could find the end of the object: a name that doesn't occur in the rest is not
	// exported.
	for (const [name] of (literal ?? "").matchAll(/[A-Za-z_$][\w$]*/g)) names.add(name);
	return names;
}

/** Returns undefined with `import *`. */
export function pythonNames(text: string): ReadonlySet<string> | undefined {
	if (/^[ \t]*from[ \t]+\S+[ \t]+import[ \t]+\*/m.test(text)) return undefined;
	const names = new Set<string>();
	for (const [, name] of text.matchAll(/^(?:(?:async\s+)?def|class)\s+(\w+)/gm)) names.add(name as string);
	for (const [, name] of text.matchAll(/^(\w+)[ \t]*(?::[^=\r\n\u2028\u2029]*)?=(?!=)/gm)) names.add(name as string);
	// Including those in `if` and `try`: imports are few, and every name in them counts.
	for (const [, list] of text.matchAll(/^[ \t]*(?:from[ \t]+\S+[ \t]+)?import[ \t]+(\([^)]*\)|.*)/gm))
		for (const [name] of (list as string).matchAll(/\w+/g)) names.add(name);
	return names;
}
