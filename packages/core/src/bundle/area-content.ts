import { dirname, join, resolve } from "node:path";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { listTree, type TreeEntry } from "../io/files/list-tree.ts";
import { isInside } from "../io/files/path-inside.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { linksLeavingTree } from "../io/files/tree-links.ts";
import type { BundleFileKind } from "../schema/bundle-manifest.ts";
import { isGitsOwn } from "../workspace/pristine.ts";
import { linkEscapes, specialFile } from "./bundle-findings.ts";
import { followLinks } from "./follow-links.ts";

/** A directory that is copied whole. */
export interface CopiedTree {
	readonly kind: BundleFileKind;
	readonly entries: readonly TreeEntry[];
}

/** Folders that no copied directory brings along, except in templates, which are copied exactly as a run would. */
const leftOut = new Set([".git", "node_modules", "__pycache__"]);

/** What goes to one area of the bundle: files, links and whole directories, by absolute source path. */
export class AreaContent {
	readonly files = new Map<string, BundleFileKind>();
	readonly links = new Map<string, string>();
	readonly trees = new Map<string, CopiedTree>();
	/** Directories that need a place although nothing is copied for them: commands run there. */
	readonly anchors = new Set<string>();
	/** Directories whose own name must stay. */
	readonly named = new Set<string>();
	readonly #root: string;
	readonly #report: (diagnostic: Diagnostic) => void;

	/** `root` bounds where links may lead. */
	constructor(root: string, report: (diagnostic: Diagnostic) => void) {
		this.#root = root;
		this.#report = report;
	}

	/** Adds a file or directory with the links that lead to it. `at` is where it is named. */
	add(path: string, kind: BundleFileKind, at: Place): void {
		const { links, real, escape: leaving } = followLinks(path, this.#root);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return;
		}
		for (const link of links) this.links.set(link.path, link.target);
		const onDisk = targetKind(real);
		if (onDisk === "file") {
			if (!this.files.has(real)) this.files.set(real, kind);
		} else if (onDisk === "directory") this.#addTree(real, kind, at);
		else this.#report(finding(specialFile, { path: real }, at));
	}

	/** Adds a template directory: everything a run would copy. Returns its real path, or undefined where it can't be bundled. */
	addTemplate(path: string, at: Place): string | undefined {
		const { real, escape: leaving } = followLinks(path, this.#root);
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

	/** True where something that is copied lies in `directory`. */
	hasBelow(directory: string): boolean {
		for (const path of this.files.keys()) if (isInside(directory, path)) return true;
		for (const [path, { entries }] of this.trees) {
			if (isInside(directory, path) && entries.length > 0) return true;
			if (isInside(path, directory)) return true;
		}
		return false;
	}

	/** Files of the directories that are copied whole. */
	*treeFiles(): Generator<string> {
		for (const [directory, { entries }] of this.trees)
			for (const entry of entries) if (entry.kind === "file") yield join(directory, entry.path);
	}

	/** Every directory that must have a place. */
	*directories(): Generator<string> {
		for (const path of this.files.keys()) yield dirname(path);
		for (const path of this.links.keys()) yield dirname(path);
		yield* this.trees.keys();
		yield* this.anchors;
	}

	isEmpty(): boolean {
		return this.files.size + this.links.size + this.trees.size === 0;
	}
}
