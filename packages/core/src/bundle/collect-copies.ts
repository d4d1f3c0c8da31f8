import { basename, join } from "node:path";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { isSecretFile } from "../lib/secret-shapes.ts";
import { compareByBytes } from "../machine/files.ts";
import { emptyDirectories, listEntry, type TreeEntry } from "../machine/find-files.ts";
import { type Area, areas } from "./area-content.ts";
import { type CopyRoot, PlannedCopy } from "./bundle-plan.ts";
import type { GatheredSources } from "./gather-sources.ts";
import { type Layout, pathCollision } from "./layout.ts";

const dotEnvFile: FindingKind<{ path: string }> = {
	rule: "bundle.dot-env",
	severity: "error",
	message: ({ path }) => `${path} would be bundled, but files of this name contain secrets`,
	hint: () => "move it elsewhere, or add it with --include if it contains none",
};

const caseCollision: FindingKind<{ first: string; second: string }> = {
	rule: "bundle.case-collision",
	severity: "error",
	message: ({ first, second }) =>
		`${first} and ${second} differ only in letter case: one would replace the other on case-insensitive file systems`,
};

interface CollectedCopies {
	/** In byte order of the bundle paths. */
	readonly copies: readonly PlannedCopy[];
	/** Empty directories, which no file creates. */
	readonly emptyDirectories: readonly string[];
}

const linkKinds = { workspace: "template", scripts: "script", data: "data" } as const;

/** Lists every file and link to copy, with its bundle path. */
export function collectCopies(gathered: GatheredSources, layout: Layout): CollectedCopies {
	const copies: PlannedCopy[] = [];
	const directories = new Set<string>();
	const addFile = (to: string, from: string, kind: BundleFileKind) =>
		copies.push(new PlannedCopy({ from, to, kind }, "", listEntry(from)));
	const place = (area: Area, path: string): string => {
		const to = layout.place(area, path);
		if (to === undefined) throw new AgentvError("internal", `${path} has no place in ${area}`);
		return to;
	};
	for (const [to, { source, kind }] of gathered.own) addFile(to, source, kind);
	for (const area of areas) {
		const content = gathered.areas[area];
		for (const [source, kind] of content.files) addFile(place(area, source), source, kind);
		for (const source of content.links) addFile(place(area, source), source, linkKinds[area]);
		for (const [from, { kind, entries }] of content.trees) {
			const to = place(area, from);
			for (const copy of treeCopies({ from, to, kind }, entries)) copies.push(copy);
			for (const path of emptyDirectories(entries)) directories.add(join(to, path));
			if (entries.length === 0) directories.add(to);
		}
	}
	return { copies: distinct(copies.sort(byTarget)), emptyDirectories: [...directories].sort(compareByBytes) };
}

export function treeCopies(root: CopyRoot, entries: readonly TreeEntry[]): PlannedCopy[] {
	return entries.flatMap((entry) => (entry.kind === "directory" ? [] : [new PlannedCopy(root, entry.path, entry)]));
}

function byTarget(a: PlannedCopy, b: PlannedCopy): number {
	return a.root === b.root ? compareByBytes(a.path, b.path) : compareByBytes(a.target, b.target);
}

/** A file in a copied directory can also be referenced directly. */
function distinct(sorted: readonly PlannedCopy[]): PlannedCopy[] {
	return sorted.filter((copy, index) => {
		const before = sorted[index - 1];
		if (!before || before.root === copy.root || before.target !== copy.target) return true;
		return before.source !== copy.source;
	});
}

/**
 * Finds conflicting sources, files in place of directories, names that differ in case, and `.env`
 * files.
 * @param generated bundle paths of other files
 * @param allowedDotEnv `.env` files that may be copied
 */
export function* checkCopies(
	copies: readonly PlannedCopy[],
	generated: readonly string[],
	at: Place,
	allowedDotEnv: ReadonlySet<string>,
): Generator<Diagnostic> {
	const written = new Set(generated);
	const directories = new Set<string>();
	for (const path of generated) addParents(path, directories);
	for (const { target } of copies) addParents(target, directories);
	let before = "";
	for (const { target: path, source } of copies) {
		let second: string | undefined;
		if (written.has(path)) second = "a file of the bundle itself";
		else if (directories.has(path)) second = "a directory";
		else if (path === before) second = "another file";
		if (second !== undefined) yield finding(pathCollision, { path, first: source, second }, at);
		before = path;
	}
	yield* foldedCollisions(copies, [...written, ...directories], at);
	for (const { source, link } of copies)
		if (link === undefined && isSecretFile(basename(source)) && !allowedDotEnv.has(source))
			yield finding(dotEnvFile, { path: source }, at);
}

function addParents(path: string, directories: Set<string>): void {
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
		const directory = path.slice(0, slash);
		if (directories.has(directory)) return;
		directories.add(directory);
	}
}

/** For case-insensitive file systems. Only remembers paths that aren't lower case. */
function* foldedCollisions(
	copies: readonly PlannedCopy[],
	others: readonly string[],
	at: Place,
): Generator<Diagnostic> {
	const spelled = new Map<string, string>();
	const eachPath = function* () {
		for (const { target } of copies) yield target;
		yield* others;
	};
	for (const path of eachPath()) {
		const folded = path.normalize("NFC").toLowerCase();
		if (folded === path) continue;
		const first = spelled.get(folded);
		if (first === undefined) spelled.set(folded, path);
		else if (first !== path) yield finding(caseCollision, { first, second: path }, at);
	}
	if (spelled.size === 0) return;
	for (const path of eachPath()) {
		const first = spelled.get(path);
		if (first !== undefined && first !== path) yield finding(caseCollision, { first, second: path }, at);
	}
}
