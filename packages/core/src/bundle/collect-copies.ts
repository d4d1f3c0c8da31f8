import { basename, dirname, join } from "node:path";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
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
	const copies = [...collecting.copies.values()].sort((a, b) => compareByBytes(copyTarget(a), copyTarget(b)));
	return {
		copies,
		emptyDirectories: [...collecting.directories].sort(compareByBytes),
		diagnostics: [
			...collisions(copies, generated, options.at),
			...copies
				.map(copySource)
				.filter((path) => basename(path) === ".env" && !options.allowedDotEnv.has(path))
				.map((path) => finding(dotEnvFile, { path }, options.at)),
		],
	};
}

function kindOf(area: (typeof areas)[number]): BundleFileKind {
	return area === "workspace" ? "template" : area === "scripts" ? "script" : "data";
}

class Collecting {
	readonly copies = new Map<string, PlannedCopy>();
	readonly directories = new Set<string>();

	one(to: string, from: string, kind: BundleFileKind): void {
		if (!this.copies.has(to)) this.#keep(to, { from, to, kind }, "", listEntry(from));
	}

	tree(root: CopyRoot, entries: readonly TreeEntry[]): void {
		const filled = new Set<string>();
		for (const entry of entries) {
			if (entry.kind === "directory") continue;
			filled.add(dirname(entry.path));
			const to = root.to === "" ? entry.path : `${root.to}/${entry.path}`;
			if (!this.copies.has(to)) this.#keep(to, root, entry.path, entry);
		}
		for (const { kind, path } of entries)
			if (kind === "directory" && !filled.has(path)) this.directories.add(join(root.to, path));
		if (entries.length === 0) this.directories.add(root.to);
	}

	#keep(to: string, root: CopyRoot, path: string, entry: TreeEntry): void {
		this.copies.set(to, {
			root,
			path,
			size: entry.target === undefined ? entry.size : Buffer.byteLength(entry.target),
			executable: (entry.mode & 0o100) !== 0,
			...(entry.target === undefined ? {} : { link: entry.target }),
		});
	}
}

/** Two sources for one path, names that are equal to a file system which folds case, and files where others need a directory. */
function collisions(copies: readonly PlannedCopy[], generated: readonly string[], at: Place): Diagnostic[] {
	const found: Diagnostic[] = [];
	const spelled = new Map<string, string>();
	const note = (path: string): void => {
		const folded = path.normalize("NFC").toLowerCase();
		const first = spelled.get(folded);
		if (first === undefined) spelled.set(folded, path);
		else if (first !== path) found.push(finding(caseCollision, { first, second: path }, at));
	};
	const written = new Set(generated);
	const directories = new Set<string>();
	const noteDirectories = (path: string): void => {
		for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
			const directory = path.slice(0, slash);
			if (directories.has(directory)) return;
			directories.add(directory);
			note(directory);
		}
	};
	for (const path of generated) noteDirectories(path);
	for (const path of generated) note(path);
	for (const copy of copies) {
		const path = copyTarget(copy);
		noteDirectories(path);
		note(path);
		if (written.has(path))
			found.push(finding(pathCollision, { path, first: copySource(copy), second: "a file of the bundle itself" }, at));
	}
	for (const copy of copies) {
		const path = copyTarget(copy);
		if (directories.has(path))
			found.push(finding(pathCollision, { path, first: copySource(copy), second: "a directory" }, at));
	}
	return found;
}
