import { dirname, join, resolve } from "node:path";
import { decoded } from "../../base/address-secrets.ts";
import { isInside } from "../../io/files/path-inside.ts";
import type { DiskView } from "../disk-view.ts";
import { withParents } from "../eval-scope.ts";

const endings = [".mjs", ".js", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".json", ".node"];
/** TypeScript imports use the extension of the compiled file. */
const written: Readonly<Record<string, readonly string[]>> = {
	".js": [".ts", ".tsx"],
	".jsx": [".tsx"],
	".mjs": [".mts"],
	".cjs": [".cts"],
};

/** As written, by TypeScript's rules, with an extension, or a directory's index. */
export function resolveRelative(specifier: string, directory: string, view: DiskView): string | undefined {
	const path = resolve(directory, decoded(specifier.replace(/[?#].*$/s, "")));
	if (view.kind(path) === "file") return path;
	const ending = /\.[cm]?jsx?$/.exec(path)?.[0];
	const candidates = [
		...(ending ? (written[ending] ?? []).map((other) => path.slice(0, -ending.length) + other) : []),
		...endings.map((other) => path + other),
		...(view.kind(path) === "directory" ? inDirectory(path, view) : []),
	];
	return candidates.find((candidate) => view.kind(candidate) === "file");
}

function inDirectory(path: string, view: DiskView): string[] {
	const main = packageFields(join(path, "package.json"), view)?.main;
	const fromMain =
		typeof main === "string"
			? [join(path, main), ...endings.map((ending) => join(path, main + ending)), join(path, main, "index.js")]
			: [];
	return [...fromMain, ...endings.map((ending) => join(path, `index${ending}`))];
}

/** The nearest `package.json` defines the meaning of `.js` and of `#name`. */
export function nearestPackage(directory: string, root: string, view: DiskView): string | undefined {
	const bound = isInside(root, directory) ? root : directory;
	for (const parent of withParents(directory, bound)) {
		const file = join(parent, "package.json");
		if (view.kind(file) === "file") return file;
	}
	return undefined;
}

/** Returns all targets of a `#name` import, for all conditions. */
export function subpathImports(specifier: string, packageFile: string, view: DiskView): string[] {
	const imports = packageFields(packageFile, view)?.imports;
	if (typeof imports !== "object" || imports === null) return [];
	const targets: string[] = [];
	for (const [pattern, target] of Object.entries(imports)) {
		const star = starOf(pattern, specifier);
		if (star !== undefined) targets.push(...stringsIn(target).map((text) => text.replaceAll("*", star)));
	}
	return targets
		.filter((target) => target.startsWith("./"))
		.flatMap((target) => resolveRelative(target, dirname(packageFile), view) ?? []);
}

function starOf(pattern: string, specifier: string): string | undefined {
	if (!pattern.includes("*")) return pattern === specifier ? "" : undefined;
	const [before = "", after = ""] = pattern.split("*");
	return specifier.startsWith(before) && specifier.endsWith(after) && specifier.length >= before.length + after.length
		? specifier.slice(before.length, specifier.length - after.length)
		: undefined;
}

function stringsIn(value: unknown): string[] {
	if (typeof value === "string") return [value];
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

function packageFields(file: string, view: DiskView): { main?: unknown; imports?: unknown } | undefined {
	if (view.kind(file) !== "file") return undefined;
	try {
		const value: unknown = JSON.parse(view.readText(file));
		return typeof value === "object" && value !== null ? value : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Returns `@scope/name` for `@scope/name/sub`; undefined if it isn't a package. */
export function packageName(specifier: string): string | undefined {
	return /^(?:@[\w.-]+\/)?[\w][\w.-]*/.exec(specifier)?.[0];
}

/** Returns whole packages, since they load their own parts. */
export function resolvePython(name: string, directories: readonly string[], view: DiskView): string[] {
	const dots = /^\.*/.exec(name)?.[0].length ?? 0;
	const parts = name.slice(dots).split(".").filter(Boolean);
	const own = directories[0];
	const bases = dots > 0 ? (own === undefined ? [] : [resolve(own, ...Array(dots - 1).fill(".."))]) : directories;
	for (const base of bases) {
		const found = inPythonPath(base, parts, view);
		if (found.length > 0) return found;
	}
	return [];
}

function inPythonPath(base: string, parts: readonly string[], view: DiskView): string[] {
	const found: string[] = [];
	let at = base;
	if (parts.length === 0) return ["__init__.py"].map((file) => join(base, file)).filter((file) => isFile(file, view));
	for (const part of parts) {
		const module = join(at, `${part}.py`);
		at = join(at, part);
		const init = join(at, "__init__.py");
		if (isFile(init, view)) found.push(init);
		else if (isFile(module, view)) return [...found, module];
		else if (view.kind(at) !== "directory") return found;
	}
	return found;
}

function isFile(path: string, view: DiskView): boolean {
	return view.kind(path) === "file";
}
