import { basename, join } from "node:path";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { isSecretFile } from "../base/secret-shapes.ts";
import { emptyDirectories } from "../io/files/empty-directories.ts";
import { listEntry } from "../io/files/list-entry.ts";
import type { TreeEntry } from "../io/files/list-tree.ts";
import { compareByBytes } from "../io/files/path-order.ts";
import type { BundleFileKind } from "../schema/bundle-manifest.ts";
import { caseCollision, dotEnvFile, pathCollision } from "./bundle-findings.ts";
import type { GatheredSources } from "./gather-sources.ts";
import { areas, type Layout } from "./layout.ts";

/** A directory of the source and what stands for it in the bundle. Shared by all that is copied from it. */
interface CopyRoot {
	/** Absolute. */
	readonly from: string;
	readonly to: string;
	readonly kind: BundleFileKind;
}

/** One file or link to copy. Small: a template may have 100,000 of them. */
export interface PlannedCopy {
	readonly root: CopyRoot;
	/** Relative to the root; "" for the root itself. */
	readonly path: string;
	readonly size: number;
	readonly executable: boolean;
	/** The text of a link. */
	readonly link?: string;
}

export const copySource = ({ root, path }: PlannedCopy): string => (path === "" ? root.from : `${root.from}/${path}`);
export const copyTarget = ({ root, path }: PlannedCopy): string =>
	path === "" ? root.to : root.to === "" ? path : `${root.to}/${path}`;

export interface CollectedCopies {
	/** In byte order of the bundle paths. */
	readonly copies: readonly PlannedCopy[];
	/** Directories that would otherwise not come into being, since they hold nothing. */
	readonly emptyDirectories: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

/** Lists every file and link to copy, with its place in the bundle, and judges the places. */
export function collectCopies(
	gathered: GatheredSources,
	layout: Layout,
	generated: readonly string[],
	options: { readonly at: Place; readonly allowedDotEnv: ReadonlySet<string> },
): CollectedCopies {
	const collecting = new Collecting();
	for (const [to, { source, kind }] of gathered.own) collecting.one(to, source, kind);
	for (const area of areas) {
		const content = gathered.areas[area];
		for (const [source, kind] of content.files) collecting.one(layout.place(area, source), source, kind);
		for (const source of content.links.keys()) collecting.one(layout.place(area, source), source, kindOf(area));
		for (const [directory, { kind, entries }] of content.trees)
			collecting.tree({ from: directory, to: layout.place(area, directory), kind }, entries);
	}
	const copies = distinct(collecting.copies.sort(byTarget));
	return {
		copies,
		emptyDirectories: [...collecting.directories].sort(compareByBytes),
		diagnostics: [
			...collisions(copies, generated, options.at),
			...copies.filter(holdsSecrets).flatMap((copy) => {
				const path = copySource(copy);
				return options.allowedDotEnv.has(path) ? [] : [finding(dotEnvFile, { path }, options.at)];
			}),
		],
	};
}

function holdsSecrets(copy: PlannedCopy): boolean {
	return copy.link === undefined && isSecretFile(basename(copySource(copy)));
}

function kindOf(area: (typeof areas)[number]): BundleFileKind {
	return area === "workspace" ? "template" : area === "scripts" ? "script" : "data";
}

class Collecting {
	readonly copies: PlannedCopy[] = [];
	readonly directories = new Set<string>();

	one(to: string, from: string, kind: BundleFileKind): void {
		this.#keep({ from, to, kind }, "", listEntry(from));
	}

	tree(root: CopyRoot, entries: readonly TreeEntry[]): void {
		for (const entry of entries) if (entry.kind !== "directory") this.#keep(root, entry.path, entry);
		for (const path of emptyDirectories(entries)) this.directories.add(join(root.to, path));
		if (entries.length === 0) this.directories.add(root.to);
	}

	#keep(root: CopyRoot, path: string, entry: TreeEntry): void {
		this.copies.push({
			root,
			path,
			size: entry.target === undefined ? entry.size : Buffer.byteLength(entry.target),
			executable: (entry.mode & 0o100) !== 0,
			...(entry.target === undefined ? {} : { link: entry.target }),
		});
	}
}

function byTarget(a: PlannedCopy, b: PlannedCopy): number {
	return a.root === b.root ? compareByBytes(a.path, b.path) : compareByBytes(copyTarget(a), copyTarget(b));
}

/** Each path once: what lies in a copied directory may also be named by itself. Two sources for one path are left to `collisions`. */
function distinct(sorted: readonly PlannedCopy[]): PlannedCopy[] {
	return sorted.filter((copy, index) => {
		const before = sorted[index - 1];
		if (!before || before.root === copy.root || copyTarget(before) !== copyTarget(copy)) return true;
		return copySource(before) !== copySource(copy);
	});
}

/** Two sources for one path, names that are equal to a file system which folds case, and files where others need a directory. */
function collisions(copies: readonly PlannedCopy[], generated: readonly string[], at: Place): Diagnostic[] {
	const written = new Set(generated);
	const directories = new Set<string>();
	for (const path of generated) addParents(path, directories);
	for (const copy of copies) addParents(copyTarget(copy), directories);
	const found: Diagnostic[] = [];
	let before = "";
	for (const copy of copies) {
		const path = copyTarget(copy);
		const other = written.has(path)
			? "a file of the bundle itself"
			: directories.has(path)
				? "a directory"
				: path === before
					? "another file"
					: undefined;
		if (other !== undefined) found.push(finding(pathCollision, { path, first: copySource(copy), second: other }, at));
		before = path;
	}
	return [...found, ...foldedCollisions(copies, [...written, ...directories], at)];
}

function addParents(path: string, directories: Set<string>): void {
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
		const directory = path.slice(0, slash);
		if (directories.has(directory)) return;
		directories.add(directory);
	}
}

/** Paths that a file system which folds case takes for one. Most are folded already, so only the others are remembered. */
function foldedCollisions(copies: readonly PlannedCopy[], others: readonly string[], at: Place): Diagnostic[] {
	const spelled = new Map<string, string>();
	const found: Diagnostic[] = [];
	const eachPath = function* () {
		for (const copy of copies) yield copyTarget(copy);
		yield* others;
	};
	for (const path of eachPath()) {
		const folded = path.normalize("NFC").toLowerCase();
		if (folded === path) continue;
		const first = spelled.get(folded);
		if (first === undefined) spelled.set(folded, path);
		else if (first !== path) found.push(finding(caseCollision, { first, second: path }, at));
	}
	if (spelled.size === 0) return found;
	for (const path of eachPath()) {
		const other = spelled.get(path);
		if (other !== undefined && other !== path) found.push(finding(caseCollision, { first: other, second: path }, at));
	}
	return found;
}
