import { basename, join, relative, resolve, sep } from "node:path";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import type { BundleFile, BundleFileKind, BundleManifest } from "../format/bundle-manifest.ts";
import { type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { isSecretFile } from "../lib/secret-shapes.ts";
import { makeDirectory, withTempDir } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { compareByBytes, realPath } from "../machine/files.ts";
import { emptyDirectories, listEntry, listTree, type TreeEntry } from "../machine/find-files.ts";
import { initRepository, localGit, remoteGit } from "../machine/git.ts";
import { type MirroredCommit, mirrorCommit } from "../workspace/repositories.ts";
import { caseCollision, dotEnvFile, pathCollision } from "./bundled-content.ts";
import type { BundleOptions, GatheredSources } from "./gather-sources.ts";
import { areas, type Layout } from "./layout.ts";
import type { VendorStep } from "./pinned-repositories.ts";
import { judgeOutput } from "./print-yaml.ts";

/** A directory of the source and what stands for it in the bundle. Shared by all that is copied from it. */
interface CopyRoot {
	/** Absolute. */
	readonly from: string;
	readonly to: string;
	readonly kind: BundleFileKind;
}

/** One file or link to copy. Small: a template may have 100,000 of them. */
interface PlannedCopy {
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

/**
 * The plan for an eval that is itself a bundle, as its manifest says: onto itself nothing changes, elsewhere it is copied as it is.
 * Undefined for anything else, edited bundles and new flags included: those are bundled like any eval.
 */
export async function planCopy(loaded: LoadedEval, options: BundleOptions): Promise<BundlePlan | undefined> {
	const { scope, file } = loaded;
	if (scope.rootKind !== "bundle" || file !== join(scope.root, "eval.yaml") || changesContent(options))
		return undefined;
	const verification = await verifyBundle(scope.root, { signal: options.signal });
	if (!verification.ok) return undefined;
	const { manifest } = verification;
	const output = resolve(options.cwd, options.output);
	const unchanged = realPath(output) === realPath(scope.root);
	const root = { from: scope.root, to: "", kind: "data" } as const;
	const entries = listTree(scope.root);
	const copies = entries.flatMap(({ path, kind, size, mode, target }): PlannedCopy[] => {
		if (kind === "directory") return [];
		const link = target === undefined ? {} : { link: target };
		return [{ root, path, size, executable: (mode & 0o100) !== 0, ...link }];
	});
	return {
		kind: unchanged ? "unchanged" : "copy",
		evalFile: file,
		output,
		replaces: unchanged ? false : judgeOutput(output, scope.root, options.force ?? false),
		sourceRoot: scope.root,
		copies: unchanged ? [] : copies,
		emptyDirectories: unchanged ? [] : emptyDirectories(entries),
		generated: new Map(),
		vendored: [],
		manifest,
		warnings: [],
		bytes: copies.reduce((sum, { size }) => sum + size, 0),
		env: options.env,
		allowedSecrets: options.allowedSecrets ?? [],
		trustIn: undefined,
		meaning: null,
		keepsChoices: true,
	};
}

function changesContent(options: BundleOptions): boolean {
	const { targets = [], targetsFile, captureEnv, pin, vendorRepos, include = [], includeOutside } = options;
	const adds = captureEnv || pin || vendorRepos || includeOutside;
	return Boolean(targets.length > 0 || targetsFile !== undefined || adds || include.length > 0);
}

/** A copied file as the manifest lists it. Its paths are put together when they are asked for: there may be 100,000 of them. */
export class CopiedFile implements BundleFile {
	readonly size: number;
	readonly sha256: string;
	readonly #copy: PlannedCopy;
	readonly #sourceRoot: string;

	constructor(copy: PlannedCopy, size: number, sha256: string, sourceRoot: string) {
		this.#copy = copy;
		this.size = size;
		this.sha256 = sha256;
		this.#sourceRoot = sourceRoot;
	}

	get path(): string {
		return copyTarget(this.#copy);
	}

	get mode(): BundleFile["mode"] {
		if (this.#copy.link !== undefined) return "link";
		return this.#copy.executable ? "755" : "644";
	}

	get kind(): BundleFile["kind"] {
		return this.#copy.root.kind;
	}

	get source(): string {
		return relative(this.#sourceRoot, copySource(this.#copy)).split(sep).join("/");
	}
}

/**
 * Writes a git bundle file with a commit and its history, and nothing later, to `file` (absolute).
 * @throws GitError where the repository can't be reached
 */
export async function vendorRepository(
	step: VendorStep,
	file: string,
	{ env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const commit = await mirrorCommit(step.source, step.sha, 0, { env, agentvHome: agentvHome(env), signal });
	try {
		await writeGitBundle(commit, step.branch, file, { env, signal });
	} finally {
		commit.release();
	}
}

async function writeGitBundle(
	{ mirror, sha }: MirroredCommit,
	name: string,
	file: string,
	{ env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	await withTempDir("agentv-vendor-", async (directory) => {
		const bare = join(directory, "repository.git");
		makeDirectory(bare);
		initRepository(bare, { env, bare: true, sha256: sha.length === 64 });
		await remoteGit(bare, ["fetch", "--quiet", "--no-tags", "--update-shallow", "--", mirror, sha], { env, signal });
		const branch = `refs/heads/${name}`;
		const git = (args: readonly string[]) => localGit(bare, args, { env, signal });
		await git(["update-ref", branch, sha]);
		await git(["symbolic-ref", "HEAD", branch]);
		// Names behind `--` would be taken for paths; both are our own or were checked when they were asked for.
		await git(["bundle", "create", "--quiet", file, "HEAD", branch]);
	});
}

/** A manifest but for what is known only once its files are written. */
export type ManifestDraft = Omit<BundleManifest, "files" | "filesDigest" | "digest" | "manifestSha256">;

/** What bundling would do: printed by `--dry-run`, shown by Studio, carried out by `writeBundle`. */
export interface BundlePlan {
	/** `copy`: the source is itself a bundle and is copied byte by byte; `unchanged`: it is also the goal. */
	readonly kind: "bundle" | "copy" | "unchanged";
	/** Absolute path of the eval file. */
	readonly evalFile: string;
	/** Absolute path of the directory that becomes the bundle. */
	readonly output: string;
	/** Whether a former bundle at `output` gives way. */
	readonly replaces: boolean;
	/** Directory that the recorded sources are relative to. */
	readonly sourceRoot: string;
	/** In byte order of their bundle paths. */
	readonly copies: readonly PlannedCopy[];
	readonly emptyDirectories: readonly string[];
	/** Texts of the files that bundling writes itself, by bundle path. */
	readonly generated: ReadonlyMap<string, string>;
	readonly vendored: readonly VendorStep[];
	readonly manifest: ManifestDraft;
	/** Warnings: what the bundle may lack, what it settled. */
	readonly warnings: readonly Diagnostic[];
	/** Bytes to copy. */
	readonly bytes: number;
	/** The eval's environment: the values that must not be in the bundle. */
	readonly env: Environment;
	readonly allowedSecrets: readonly string[];
	/** The environment of the record that notes the bundle as made by the user; undefined if others wrote a part of its source. */
	readonly trustIn: Environment | undefined;
	/** What the eval means; the written bundle must mean the same. Null for a copy. */
	readonly meaning: unknown;
	/** Whether the tests' choice of targets is part of that. */
	readonly keepsChoices: boolean;
}
