import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { tempTree } from "./temp-tree.ts";

/**
 * Compiles a module and its relative imports for a separate process, and returns the path of the
 * entry's `.js`. Packages resolve from the entry's own workspace package.
 */
export function compileModules(entry: string): string {
	const sources = new Map<string, string>();
	const visit = (path: string): void => {
		if (sources.has(path)) return;
		const source = readFileSync(path, "utf8");
		sources.set(path, source);
		for (const { fileName } of ts.preProcessFile(source).importedFiles) {
			if (fileName.startsWith(".")) visit(resolve(dirname(path), fileName));
		}
	};
	visit(resolve(entry));
	const top = [...sources.keys()].map(dirname).reduce(commonDirectory);
	const goal = tempTree({ "package.json": '{ "type": "module" }' });
	const packages = installedPackages(dirname(resolve(entry)));
	if (packages) symlinkSync(packages, join(goal, "node_modules"));
	const compilerOptions = {
		module: ts.ModuleKind.ES2022,
		target: ts.ScriptTarget.ES2023,
		rewriteRelativeImportExtensions: true,
	};
	for (const [path, source] of sources) {
		const output = resolve(goal, relative(top, path)).replace(/\.ts$/, ".js");
		mkdirSync(dirname(output), { recursive: true });
		writeFileSync(output, ts.transpileModule(source, { compilerOptions }).outputText);
	}
	return resolve(goal, relative(top, resolve(entry))).replace(/\.ts$/, ".js");
}

function installedPackages(directory: string): string | undefined {
	const packages = join(directory, "node_modules");
	if (existsSync(packages)) return packages;
	return dirname(directory) === directory ? undefined : installedPackages(dirname(directory));
}

function commonDirectory(left: string, right: string): string {
	let common = left;
	while (relative(common, right).startsWith("..")) common = dirname(common);
	return common;
}
