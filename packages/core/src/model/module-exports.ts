import { parse } from "es-module-lexer";

/**
 * The names that a JavaScript or TypeScript module exports, CommonJS assignments included. Undefined where that can't be
 * known: `export *` from elsewhere, `module.exports = …` computed, or a text that does not parse.
 */
export function moduleExports(text: string): ReadonlySet<string> | undefined {
	const names = new Set<string>();
	try {
		for (const found of parse(text)[1]) {
			if (found.type === "reexport-all") return undefined;
			if ("name" in found && typeof found.name === "string" && !found.typeOnly) names.add(found.name);
		}
	} catch (error) {
		if (error instanceof Error) return undefined;
		throw error;
	}
	if (/\bmodule\.exports\s*=(?!\s*\{)/.test(text)) return undefined;
	for (const [, name] of text.matchAll(/\bexports\.([A-Za-z_$][\w$]*)\s*=/g)) names.add(name as string);
	const literal = /\bmodule\.exports\s*=\s*\{([\s\S]*)/.exec(text)?.[1];
	if (literal?.includes("...")) return undefined;
	// Where the object ends only a parser could tell: a name that stands in none of what follows is no export of it.
	for (const [name] of (literal ?? "").matchAll(/[A-Za-z_$][\w$]*/g)) names.add(name);
	return names;
}

/** The names that a Python module has at its top level. Undefined where `import *` brings what can't be known. */
export function pythonNames(text: string): ReadonlySet<string> | undefined {
	if (/^[ \t]*from[ \t]+\S+[ \t]+import[ \t]+\*/m.test(text)) return undefined;
	const names = new Set<string>();
	for (const [, name] of text.matchAll(/^(?:(?:async\s+)?def|class)\s+(\w+)/gm)) names.add(name as string);
	for (const [, name] of text.matchAll(/^(\w+)[ \t]*(?::[^=\r\n\u2028\u2029]*)?=(?!=)/gm)) names.add(name as string);
	// Inside `if` and `try`, too: imports are few, and every name in them may be meant.
	for (const [, list] of text.matchAll(/^[ \t]*(?:from[ \t]+\S+[ \t]+)?import[ \t]+(\([^)]*\)|.*)/gm))
		for (const [name] of (list as string).matchAll(/\w+/g)) names.add(name);
	return names;
}
