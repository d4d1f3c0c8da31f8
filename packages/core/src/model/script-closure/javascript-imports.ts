import { type Import, parse } from "es-module-lexer";
import { lineCounter, type ScriptImport, type ScriptImports, type UnknownImport } from "./script-import.ts";

const literal = String.raw`(['"\`])((?:(?!\1)[^\\\n$])+)\1`;
const metaResolve = new RegExp(String.raw`\bimport\.meta\.resolve\s*\(\s*${literal}\s*\)`, "g");
const urlOfMeta = new RegExp(String.raw`\bnew\s+URL\s*\(\s*${literal}\s*,\s*import\.meta\.(?:url|filename)\s*\)`, "g");
const besideScript =
	/\b(?:join|resolve)\s*\(\s*(?:__dirname|import\.meta\.(?:dirname|dir))\s*((?:,\s*(?:'[^'\n]*'|"[^"\n]*")\s*)+)\)/g;
const makerAlias = /\bcreateRequire\s+as\s+([\w$]+)/g;
const statement = /^[ \t]*(?:import|export)\b[^'"\n\r\u2028\u2029;]*(?:(?<=\bfrom[ \t]*)\s+)?(['"])([^'"\n]+)\1/gm;
const dynamic = /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g;

/** Uses a parser, and patterns for other forms than import syntax. */
export function javascriptImports(text: string): ScriptImports {
	const lineOf = lineCounter(text);
	const imports: ScriptImport[] = [];
	const unknown: UnknownImport[] = [];
	const parsed = parseModule(text);
	if (parsed) for (const found of parsed) readImport(found, lineOf, imports, unknown);
	else {
		// JSX with quotes in its text: scan line by line, which finds every import at the start of a
		// line.
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

/** Returns patterns for calls of `require`, including aliases of `createRequire`'s result. */
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

/** A module with more aliases for one function is not scanned further: each needs another pass. */
const mostNames = 50;

function namesOf(first: string, text: string, pattern: RegExp): string[] {
	const names = new Set([first]);
	for (const [, name] of text.matchAll(pattern)) if (name !== undefined && names.size < mostNames) names.add(name);
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
