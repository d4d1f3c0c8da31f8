import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { linksLeavingTree } from "../machine/copy-tree.ts";
import { isInside, pathKind, readLink, targetKind } from "../machine/files.ts";
import { listTree, type TreeEntry } from "../machine/find-files.ts";
import { isGitsOwn } from "../workspace/change-store.ts";

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

/** A path with the links on the way. */
interface FollowedPath {
	/** Relative texts stay valid if all of them are copied. */
	readonly links: readonly string[];
	/** The end of the chain below `bound`, without links. */
	readonly real: string;
	/** The first link that leaves `bound`. */
	readonly leaving?: { readonly path: string; readonly target: string };
}

const mostHops = 40;

/** Follows `path` link by link below `bound`, which is not resolved. */
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
		if (isAbsolute(target) || !isInside(bound, goal) || links.length > mostHops)
			return { links, real: next, leaving: { path: next, target } };
		links.push(next);
		todo.unshift(...relative(bound, goal).split(sep).filter(Boolean));
		real = bound;
	}
	return { links, real };
}

/** A directory that is copied as a whole. */
interface CopiedTree {
	readonly kind: BundleFileKind;
	readonly entries: readonly TreeEntry[];
}

/** Directories that are not copied, except in templates, which are copied exactly like in a run. */
const leftOut = new Set([".git", "node_modules", "__pycache__"]);

/** Directories of a bundle for copies, each mirroring a part of the source tree. */
export const areas = ["workspace", "scripts", "data"] as const;
export type Area = (typeof areas)[number];

/** Files, links and whole directories of a bundle's area, by absolute source path. */
export class AreaContent {
	readonly files = new Map<string, BundleFileKind>();
	readonly links = new Set<string>();
	readonly trees = new Map<string, CopiedTree>();
	/** Directories without copied files in which commands run. */
	readonly anchors = new Set<string>();
	/** Directories whose own name must stay. */
	readonly named = new Set<string>();
	readonly #root: string;
	readonly #report: (diagnostic: Diagnostic) => void;

	/** `root` bounds the targets of links. */
	constructor(root: string, report: (diagnostic: Diagnostic) => void) {
		this.#root = root;
		this.#report = report;
	}

	/** Adds a file or directory, including links in its path. `at` is where it is referenced. */
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

	/** Returns whether something below `directory` is copied. */
	hasBelow(directory: string): boolean {
		for (const path of this.files.keys()) if (isInside(directory, path)) return true;
		for (const [path, { entries }] of this.trees) {
			if (isInside(directory, path) && entries.length > 0) return true;
			if (isInside(path, directory)) return true;
		}
		return false;
	}

	/** Files of directories that are copied as a whole. */
	*treeFiles(): Generator<string> {
		for (const [directory, { entries }] of this.trees)
			for (const entry of entries) if (entry.kind === "file") yield join(directory, entry.path);
	}

	/** Yields every directory that needs a place. */
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
