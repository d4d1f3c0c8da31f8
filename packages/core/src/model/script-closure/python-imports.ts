import { lineCounter, type ScriptImport, type ScriptImports, type UnknownImport } from "./script-import.ts";

const plainImport = /^[ \t]*import[ \t]+([\w., \t]+)/gm;
const fromImport = /^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(?:\(([^)]*)\)|([^\n#(]*))/gm;
const literalImport = /\b(?:import_module|__import__)\(\s*['"]([\w.]+)['"]/g;
const computedImport = /\b(?:import_module|__import__|run_path|run_module|spec_from_file_location)\(\s*(?!['"])\S/g;
const searchPath = /\bsys\.path\b\s*(?:\.|\[|=|\+)/g;
const besideFile = /^.*__file__.*$/gm;

/** Returns the imports of a Python file by a line scan, since only Python can parse Python. */
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
