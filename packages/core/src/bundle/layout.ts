import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { LoadedEval } from "../eval/eval-types.ts";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { type Diagnostic, type DocumentPath, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { linksLeavingTree } from "../machine/copy-tree.ts";
import { isInside, pathKind, readLink, targetKind } from "../machine/files.ts";
import { listTree, type TreeEntry } from "../machine/find-files.ts";
import { isGitsOwn } from "../workspace/snapshot.ts";

/** Maps source paths to the bundle, without file access. */
export interface Layout {
	/** Returns undefined if the absolute path is outside what the area mirrors. */
	place(area: Area, path: string): string | undefined;
}

/**
 * Each area mirrors the smallest directory with all its content, so that relative paths stay valid.
 * Areas get another name if it conflicts with a fixed bundle path.
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

/** Adds underscores if another source uses a path below the area's name. */
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

/** Begins with `./` or `../`, so that it is never a bare word. */
export function relativeReference(from: string, to: string): string {
	const path = relative(`/${from}`, `/${to}`).split(sep).join("/");
	if (path === "") return ".";
	return path.startsWith("../") || path === ".." ? path : `./${path}`;
}

/** Returns for example `repos/app.bundle`, else `repos/app-2.bundle`, … */
export function freeName(wanted: string, isTaken: (path: string) => boolean): string {
	const [, stem = wanted, extension = ""] = /^(.*?)((?:\.suite)?\.\w+)$/.exec(wanted) ?? [];
	let path = wanted;
	for (let count = 2; isTaken(path); count++) path = `${stem}-${count}${extension}`;
	return path;
}

export interface SuitePlace {
	readonly file: string;
	/** Source directory for `bundleDirectory`: relative paths below it stay unchanged. */
	readonly directory: string;
	/** "" for the bundle itself. */
	readonly bundleDirectory: string;
	readonly bundleFile: string;
}

/** Maps source files to their places; suites never have eval names. */
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

export function placeKey({ file, line, path }: Place, ...more: DocumentPath): string {
	return [file, line ?? "", ...(path ?? []), ...more].join("\0");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const linkEscapes: FindingKind<{ path: string; target: string }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ path, target }) => `the link ${path} points outside its tree, to ${JSON.stringify(target)}`,
	hint: () => "a bundle only keeps links to its own files: make it relative, with a target inside",
};

const specialFile: FindingKind<{ path: string }> = {
	rule: "bundle.special-file",
	severity: "error",
	message: ({ path }) => `${path} is not a file, directory or link`,
};

interface FollowedPath {
	/** Relative link texts stay valid if all of these are copied. */
	readonly links: readonly string[];
	/** The end of the chain below `bound`, without links. */
	readonly real: string;
	readonly leaving?: { readonly path: string; readonly target: string };
}

const maxHops = 40;

/** @param bound not resolved itself */
export function followLinks(path: string, bound: string): FollowedPath {
	if (!isInside(bound, path)) return { links: [], real: path };
	const links: string[] = [];
	let real = bound;
	const todo = relative(bound, path).split(sep).filter(Boolean);
	for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
		const next = join(real, part);
		if (pathKind(next) !== "link") {
			real = next;
			continue;
		}
		const target = readLink(next);
		const goal = resolve(dirname(next), target);
		if (isAbsolute(target) || !isInside(bound, goal) || links.length > maxHops)
			return { links, real: next, leaving: { path: next, target } };
		links.push(next);
		todo.unshift(...relative(bound, goal).split(sep).filter(Boolean));
		real = bound;
	}
	return { links, real };
}

interface CopiedTree {
	readonly kind: BundleFileKind;
	readonly entries: readonly TreeEntry[];
}

/** Directories that are not copied, except in templates, which are copied exactly like in a run. */
const leftOut = new Set([".git", "node_modules", "__pycache__"]);

/** Each of these directories mirrors a part of the source tree. */
export const areas = ["workspace", "scripts", "data"] as const;
export type Area = (typeof areas)[number];

export class AreaContent {
	readonly files = new Map<string, BundleFileKind>();
	readonly links = new Set<string>();
	readonly trees = new Map<string, CopiedTree>();
	/** Commands run in these directories without copied files. */
	readonly anchors = new Set<string>();
	/** Directories that must keep their own name. */
	readonly named = new Set<string>();
	readonly #root: string;
	readonly #report: (diagnostic: Diagnostic) => void;

	/** @param root bounds the targets of links */
	constructor(root: string, report: (diagnostic: Diagnostic) => void) {
		this.#root = root;
		this.#report = report;
	}

	/** Also adds links in the path. @param at where it is referenced */
	add(path: string, kind: BundleFileKind, at: Place): void {
		const { links, real, leaving } = followLinks(path, this.#root);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return;
		}
		for (const link of links) this.links.add(link);
		const onDisk = targetKind(real);
		if (onDisk === "file") {
			if (!this.files.has(real)) this.files.set(real, kind);
		} else if (onDisk === "directory") this.#addTree(real, kind, at);
		else this.#report(finding(specialFile, { path: real }, at));
	}

	/** Copies like a run. Returns the real path; undefined if it can't be bundled. */
	addTemplate(path: string, at: Place): string | undefined {
		const { real, leaving } = followLinks(path, this.#root);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return undefined;
		}
		if (this.trees.has(real)) return real;
		const entries = listTree(real, { filter: (inner) => !isGitsOwn(inner) });
		for (const { path: inner, target = "" } of linksLeavingTree(entries))
			this.#report(finding(linkEscapes, { path: join(real, inner), target }, at));
		this.#keep(real, { kind: "template", entries }, at);
		return real;
	}

	#addTree(directory: string, kind: BundleFileKind, at: Place): void {
		if (this.trees.has(directory)) return;
		const entries = listTree(directory, { filter: (path) => !leftOut.has(path.slice(path.lastIndexOf("/") + 1)) });
		this.#keep(directory, { kind, entries }, at);
		for (const { path, target = "" } of linksLeavingTree(entries)) {
			const link = join(directory, path);
			const goal = resolve(dirname(link), target);
			if (target.startsWith("/") || !isInside(this.#root, goal))
				this.#report(finding(linkEscapes, { path: link, target }, at));
			else if (targetKind(goal) !== "missing") this.add(goal, kind, at);
		}
	}

	#keep(directory: string, tree: CopiedTree, at: Place): void {
		for (const entry of tree.entries)
			if (entry.kind === "other") this.#report(finding(specialFile, { path: join(directory, entry.path) }, at));
		this.trees.set(directory, tree);
	}

	hasBelow(directory: string): boolean {
		for (const path of this.files.keys()) if (isInside(directory, path)) return true;
		for (const [path, { entries }] of this.trees) {
			if (isInside(directory, path) && entries.length > 0) return true;
			if (isInside(path, directory)) return true;
		}
		return false;
	}

	*treeFiles(): Generator<string> {
		for (const [directory, { entries }] of this.trees)
			for (const entry of entries) if (entry.kind === "file") yield join(directory, entry.path);
	}

	*directories(): Generator<string> {
		for (const path of this.files.keys()) yield dirname(path);
		for (const path of this.links) yield dirname(path);
		yield* this.trees.keys();
		yield* this.anchors;
	}

	isEmpty(): boolean {
		return this.files.size + this.links.size + this.trees.size === 0;
	}
}
