import { basename, dirname, join, relative, sep } from "node:path";
import type { LoadedEval } from "../eval/eval-types.ts";
import type { DocumentPath, FindingKind, Place } from "../lib/errors.ts";
import { isInside } from "../machine/files.ts";
import { type Area, type AreaContent, areas } from "./area-content.ts";

/** Maps source paths to the bundle, without file access. */
export interface Layout {
	/** Returns the bundle path of the absolute source `path`; undefined outside what the area mirrors. */
	place(area: Area, path: string): string | undefined;
}

/**
 * Lays out a bundle: each area mirrors the smallest directory with all its content, so that
 * `../lib/x.mjs` still resolves. An area that conflicts with a file at a fixed bundle path gets
 * another name.
 */
export function layOut(
	contents: Readonly<Record<Area, AreaContent>>,
	own: ReadonlyMap<string, { readonly source: string }>,
): Layout {
	const tops = new Map<Area, { readonly top: string; readonly prefix: string }>();
	for (const area of areas) {
		const named = [...contents[area].named].map((directory) => dirname(directory));
		const top = commonDirectory([...contents[area].directories(), ...named]);
		if (top !== undefined) tops.set(area, { top, prefix: freePrefix(area, top, own) });
	}
	return {
		place(area, path) {
			const { top, prefix } = tops.get(area) ?? {};
			if (top === undefined || prefix === undefined || !isInside(top, path)) return undefined;
			return toBundlePath(prefix, relative(top, path));
		},
	};
}

/** Returns the area's name, with underscores if another source uses a path below it. */
function freePrefix(area: Area, top: string, own: ReadonlyMap<string, { readonly source: string }>): string {
	const agrees = (prefix: string) =>
		[...own].every(
			([path, { source }]) =>
				path !== prefix && (!path.startsWith(`${prefix}/`) || source === join(top, path.slice(prefix.length + 1))),
		);
	let prefix: string = area;
	while (!agrees(prefix)) prefix += "_";
	return prefix;
}

/** Returns the deepest directory that contains all `directories`. */
function commonDirectory(directories: Iterable<string>): string | undefined {
	let common: string | undefined;
	for (const directory of directories) {
		common ??= directory;
		while (!isInside(common, directory)) common = dirname(common);
	}
	return common;
}

/** Joins with `/` on all systems; "" for the bundle itself. */
export function toBundlePath(...parts: readonly string[]): string {
	const path = join(...parts)
		.split(sep)
		.join("/");
	return path === "." ? "" : path.replace(/\/$/, "");
}

/** Returns a path with `./` or `../`, so that it is never a bare word. */
export function relativeReference(from: string, to: string): string {
	const path = relative(`/${from}`, `/${to}`).split(sep).join("/");
	if (path === "") return ".";
	return path.startsWith("../") || path === ".." ? path : `./${path}`;
}

/** Returns an unused bundle path: `repos/app.bundle`, else `repos/app-2.bundle`, … */
export function freeName(wanted: string, isTaken: (path: string) => boolean): string {
	const [, stem = wanted, extension = ""] = /^(.*?)((?:\.suite)?\.\w+)$/.exec(wanted) ?? [];
	let path = wanted;
	for (let count = 2; isTaken(path); count++) path = `${stem}-${count}${extension}`;
	return path;
}

/** The location of an eval file in the source and in the bundle. */
export interface SuitePlace {
	readonly file: string;
	/** Source directory for `bundleDirectory`: relative paths below it stay unchanged. */
	readonly directory: string;
	/** "" for the bundle itself. */
	readonly bundleDirectory: string;
	readonly bundleFile: string;
}

/** Returns places by source file. Suites never have eval names. */
export function suitePlaces(loaded: LoadedEval): ReadonlyMap<string, SuitePlace> {
	const { directory } = loaded.scope;
	const places = new Map<string, SuitePlace>([
		[loaded.file, { file: loaded.file, directory, bundleDirectory: "", bundleFile: "eval.yaml" }],
	]);
	const imported = [
		...new Set(loaded.files.filter(({ path }) => path.kind === "suite").map(({ resolved }) => resolved)),
	];
	const outside = commonDirectory(
		imported.map((file) => dirname(file)).filter((parent) => !isInside(directory, parent)),
	);
	const names = new Set<string>();
	for (const file of imported) {
		if (places.has(file)) continue;
		const parent = dirname(file);
		const bundleDirectory = isInside(directory, parent)
			? toBundlePath(relative(directory, parent))
			: toBundlePath("suites", relative(outside ?? parent, parent));
		const stem = basename(file).replace(/\.(ya?ml|jsonl?)$/i, "");
		const wanted = toBundlePath(bundleDirectory, `${stem.replace(/\.?eval$/i, "") || "eval"}.suite.yaml`);
		const bundleFile = freeName(wanted, (path) => names.has(path));
		names.add(bundleFile);
		places.set(file, { file, directory: parent, bundleDirectory, bundleFile });
	}
	return places;
}

export const pathCollision: FindingKind<{ path: string; first: string; second: string }> = {
	rule: "bundle.collision",
	severity: "error",
	message: ({ path, first, second }) => `${first} and ${second} would both be ${JSON.stringify(path)} in the bundle`,
	hint: () => "rename one of them",
};

/** Returns a key for maps by location. */
export function placeKey({ file, line, path }: Place, ...more: DocumentPath): string {
	return [file, line ?? "", ...(path ?? []), ...more].join("\0");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
