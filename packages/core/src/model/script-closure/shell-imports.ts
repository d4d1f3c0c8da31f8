import { lineCounter, type ScriptImport, type ScriptImports, type UnknownImport } from "./script-import.ts";

/** The script's own directory, as shell scripts write it. */
const ownDirectory = String.raw`(?:\$\(\s*dirname[^)]{0,300}\)|\$\{(?:0|BASH_SOURCE[^}]{0,100})%/\*\}|\$\{?(?:\w*(?:DIR|dir|PATH|path)|HERE|here)\}?)`;
const besideScript = new RegExp(String.raw`["']?${ownDirectory}["']?/([\w./@+-]+)`, "g");
const relativeWord = /(?<![\w$}/)"'])(\.{1,2}\/[\w./@+-]+)/g;
const sourced = /^[ \t]*(?:source|\.)[ \t]+(\S.*)$/gm;

/** Scans lines for sourced files and for paths next to the script. */
export function shellImports(text: string): ScriptImports {
	const code = text.replace(/^[ \t]*#.*$/gm, (comment) => " ".repeat(comment.length));
	const lineOf = lineCounter(code);
	const imports: ScriptImport[] = [];
	const unknown: UnknownImport[] = [];
	const add = (specifier: string, offset: number) =>
		imports.push({ kind: "file", specifier, line: lineOf(offset), guessed: true });
	for (const match of code.matchAll(besideScript)) add(`./${match[1]}`, match.index);
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
