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

/** A source directory and its bundle path, shared by everything copied from it. */
interface CopyRoot {
	/** Absolute. */
	readonly from: string;
	readonly to: string;
	readonly kind: BundleFileKind;
}

/** A file or link to copy. Small, since a template can have 100,000 of them. */
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
	/** Empty directories, which no file creates. */
	readonly emptyDirectories: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

/** Lists every file and link to copy, with its bundle path, and checks the paths. */
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

/** A file in a copied directory can also be referenced directly. */
function distinct(sorted: readonly PlannedCopy[]): PlannedCopy[] {
	return sorted.filter((copy, index) => {
		const before = sorted[index - 1];
		if (!before || before.root === copy.root || copyTarget(before) !== copyTarget(copy)) return true;
		return copySource(before) !== copySource(copy);
	});
}

/** Finds conflicting sources, names that differ in case, and files in place of directories. */
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

/** For case-insensitive file systems. Only remembers paths that aren't lower case. */
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
 * Plans a bundle of a bundle: onto itself nothing changes, elsewhere it is copied unchanged.
 * Undefined for anything else, including edited bundles and new flags: those are bundled like any
 * eval.
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

/** Computes paths on use, since a manifest can have 100,000 files. */
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
 * @throws GitError if the repository is unreachable
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
		// Names after `--` would be paths; both are our own or were checked before.
		await git(["bundle", "create", "--quiet", file, "HEAD", branch]);
	});
}

/** A manifest without what is only known after writing its files. */
export type ManifestDraft = Omit<BundleManifest, "files" | "filesDigest" | "digest" | "manifestSha256">;

/** What bundling would do: printed by `--dry-run`, shown by Studio, applied by `writeBundle`. */
export interface BundlePlan {
	/** `copy`: the source is itself a bundle; `unchanged`: it is also the output. */
	readonly kind: "bundle" | "copy" | "unchanged";
	/** Absolute path of the eval file. */
	readonly evalFile: string;
	/** Absolute path of the bundle. */
	readonly output: string;
	/** Whether an existing bundle at `output` is replaced. */
	readonly replaces: boolean;
	/** Directory that the recorded sources are relative to. */
	readonly sourceRoot: string;
	/** In byte order of their bundle paths. */
	readonly copies: readonly PlannedCopy[];
	readonly emptyDirectories: readonly string[];
	/** Texts of generated files, by bundle path. */
	readonly generated: ReadonlyMap<string, string>;
	readonly vendored: readonly VendorStep[];
	readonly manifest: ManifestDraft;
	/** Warnings about missing files and fixed choices. */
	readonly warnings: readonly Diagnostic[];
	/** Bytes to copy. */
	readonly bytes: number;
	/** The eval's environment, whose secrets must not be in the bundle. */
	readonly env: Environment;
	readonly allowedSecrets: readonly string[];
	/** For recording that the user made the bundle; undefined if others wrote part of it. */
	readonly trustIn: Environment | undefined;
	/** The eval's meaning, which the bundle must keep. Null for a copy. */
	readonly meaning: unknown;
	/** Whether that includes the tests' choice of targets. */
	readonly keepsChoices: boolean;
}
