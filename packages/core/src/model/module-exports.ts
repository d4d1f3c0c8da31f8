import { parse } from "es-module-lexer";

/**
 * Returns the exports of a JavaScript or TypeScript module, including CommonJS assignments.
 * Undefined if they are unknown: `export *` from elsewhere, a computed `module.exports = …`, or a
 * syntax error.
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
	// Only a parser could find the end of the object: a name that doesn't occur in the rest is not
	// exported.
	for (const [name] of (literal ?? "").matchAll(/[A-Za-z_$][\w$]*/g)) names.add(name);
	return names;
}

/** Returns the top-level names of a Python module. Undefined with `import *`. */
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
