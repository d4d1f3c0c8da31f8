import { basename, extname } from "node:path";

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

/** Extensions of files that can begin with a `#!` line without any of the extensions above. */
const shebang = /^#!\s*(?:\/\S*\/)?(?:env\s+(?:-S\s+)?)?([\w.+-]+)/;

/** Returns the program of a script's first line (`#!/usr/bin/env python3` → `python3`). */
export function shebangProgram(text: string): string | undefined {
	return shebang.exec(text.slice(0, 256))?.[1];
}

/** Returns true if the file's name determines the language, so that its text need not be read. */
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
