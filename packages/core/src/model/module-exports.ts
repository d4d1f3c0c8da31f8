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
	if (/\bmodule\.exports\s*=\s*(?!\{)/.test(text)) return undefined;
	for (const [, name] of text.matchAll(/\bexports\.([A-Za-z_$][\w$]*)\s*=/g)) names.add(name as string);
	const literal = /\bmodule\.exports\s*=\s*\{([^}]*)/.exec(text)?.[1];
	if (literal?.includes("...")) return undefined;
	for (const [, name] of (literal ?? "").matchAll(/(?:^|,)\s*(?:async\s+)?([A-Za-z_$][\w$]*)/g))
		names.add(name as string);
	return names;
}
