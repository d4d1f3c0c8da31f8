import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import type { ResetMode } from "../format/target-file.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Redactor } from "../lib/redact.ts";
import { copyPreparedTree, type PreparedTree } from "../machine/copy-tree.ts";
import { makeDirectory } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import {
	isInside,
	largestTree,
	pathKind,
	rawBytes,
	rawPath,
	refuseTooLarge,
	systemPath,
	yielding,
} from "../machine/files.ts";
import { listTree, type TreeEntry } from "../machine/find-files.ts";
import { type GitAnswer, initRepository, type LocalGitOptions, localGit } from "../machine/git.ts";
import { writeGitObject, writeGitTree } from "../machine/git-repository.ts";
import { Openings, readBytes, readRegularChunks, readRegularFile } from "../machine/read-file.ts";
import { isUnchanged, noteTree, resetTree, type TreeNote, type TreeNotes } from "../machine/tree-notes.ts";
import { renamePath, settleTimes, writeNewFile } from "../machine/write-file.ts";
import { baselineIdentity, plainGitEnvironment, workspaceGitConfig } from "./repositories.ts";

/** The workspace's state when the target started. */
export interface Snapshot {
	readonly notes: TreeNotes;
	/** Files that differ from the pristine tree; contents that are not `large` are in the store. */
	readonly saved: ReadonlyMap<string, Content>;
}

export interface ChangeServices {
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
	/** Returns the path of a new file for a patch that is too large for memory. */
	readonly patchFile: () => string;
	/** Finds the run's secrets, which must not be stored in a form that hides them. */
	readonly redact?: Redactor | undefined;
	readonly signal?: AbortSignal | undefined;
}

interface SnapshotInput {
	readonly clean: TreeNotes;
	/** Whether anything ran in it since. */
	readonly touched: boolean;
	/** Of the same directory: unchanged contents need not be stored again. */
	readonly previous?: Snapshot | undefined;
}

export async function takeSnapshot(root: string, input: SnapshotInput, services: ChangeServices): Promise<Snapshot> {
	const openings = new Openings();
	try {
		const notes = input.touched ? await noteTree(root, services.signal, openings) : input.clean;
		return { notes, saved: await savedContents(root, notes, input, services, openings) };
	} finally {
		openings.close();
	}
}

async function savedContents(
	root: string,
	notes: TreeNotes,
	{ clean, previous }: SnapshotInput,
	services: ChangeServices,
	openings: Openings,
): Promise<Map<string, Content>> {
	const saved = new Map<string, Content>();
	const files = [...notes].filter(([path, { kind }]) => kind === "file" && !services.pristine.has(path));
	refuseTooLarge(
		`the workspace ${root}`,
		files.map(([path, { size }]) => ({ path, size })),
		largestTree,
	);
	const touchedNow: TreeNote[] = [];
	const nextTurn = yielding("taking a snapshot of the workspace", services.signal);
	for (const [path, note] of notes) {
		const old = clean.get(path);
		if (note.kind !== "file" || isGitsOwn(path)) continue;
		if (services.pristine.has(path) && old && isUnchanged(old, note)) continue;
		const [before, content] = [previous?.notes.get(path), previous?.saved.get(path)];
		if (before && content && isUnchanged(before, note)) saved.set(path, content);
		else {
			openings.open(join(root, path), note);
			saved.set(path, await save(join(root, path), note, services));
		}
		touchedNow.push(note);
		await nextTurn();
	}
	await letTimePass(touchedNow);
	return saved;
}

async function save(file: string, note: TreeNote, { store, signal }: ChangeServices): Promise<Content> {
	// The old content of a large file is never needed, only its metadata.
	if (note.size > largestWhole) return describeVersion(note, { file }, { signal });
	const bytes = readSource({ file });
	store.saveBytes(bytes);
	return describeBytes(bytes);
}

/** A change in the same clock tick as a hook's, of the same length, would be undetectable. */
async function letTimePass(notes: readonly TreeNote[]): Promise<void> {
	const youngest = notes.reduce((latest, { ctimeMs }) => Math.max(latest, ctimeMs), 0);
	const wait = youngest + 20 - Date.now();
	if (wait > 0 && wait <= 20) await new Promise((resolve) => setTimeout(resolve, wait));
}

interface BaselineOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
	/** Relative to the root (`.` is the root itself). */
	readonly repositories: readonly string[];
	/** For object stores that copies borrow from; created if missing. */
	readonly stores: string;
}

/** In bytes; larger object stores are not copied with every workspace. */
const maxCopiedStoreBytes = 1024 * 1024;
const maxCopiedObjects = 20;

/**
 * Commits the directory, unless it is a repository, and makes copies of it cheap. Repositories
 * inside it keep their requested commit.
 */
export async function makeBaseline(root: string, options: BaselineOptions): Promise<void> {
	const git = { env: plainGitEnvironment(options.env), signal: options.signal };
	settleTimes(root, (path) => path !== ".git" && !path.endsWith("/.git"));
	const own = options.repositories.map((path) => join(root, path));
	if (pathKind(join(root, ".git")) === "missing") {
		await commitAll(root, options.repositories, git);
		own.push(root);
	} else if (!own.includes(root)) settleTimesOfGit(root);
	for (const [index, repository] of own.entries()) {
		if (pathKind(join(repository, ".git")) !== "directory") continue; // A hook removed it.
		await localGit(repository, ["update-index", "-q", "--refresh"], { ...git, okExitCodes: [0, 1] });
		shareObjects(join(repository, ".git/objects"), join(options.stores, String(index)));
		settleTimesOfGit(repository);
	}
}

/** The index keeps its real time: git treats entries as new as their index as possibly changed. */
function settleTimesOfGit(repository: string): void {
	if (pathKind(join(repository, ".git")) === "directory")
		settleTimes(join(repository, ".git"), (path) => path !== "index");
}

async function commitAll(root: string, repositories: readonly string[], options: LocalGitOptions): Promise<void> {
	const git = (args: readonly string[], more: Partial<LocalGitOptions> = {}) =>
		localGit(root, args, { ...options, ...more });
	initRepository(root, options);
	for (const [key, value] of workspaceGitConfig) await git(["config", key, value]);
	if (repositories.length > 0) {
		// Inner repositories are handled separately; the outer one ignores them.
		const lines = repositories.map((path) => `/${path.replace(/[*?[\]!\\# ]/g, "\\$&")}/\n`);
		writeNewFile(join(root, ".git/info/exclude"), lines.join(""));
	}
	await git(["add", "--all"]);
	await git(["commit", "--quiet", "--allow-empty", "--no-verify", "--message", "baseline"], {
		variables: baselineIdentity,
	});
}

/** Moves a large object store out of the copied tree; the repository borrows from it. */
function shareObjects(objects: string, store: string): void {
	const files = listTree(objects).filter(({ kind }) => kind === "file");
	const bytes = files.reduce((sum, { size }) => sum + size, 0);
	if (bytes <= maxCopiedStoreBytes && files.length <= maxCopiedObjects) return;
	makeDirectory(dirname(store));
	renamePath(objects, store);
	makeDirectory(join(objects, "info"));
	makeDirectory(join(objects, "pack"));
	writeNewFile(join(objects, "info/alternates"), `${store}\n`);
}

/** In bytes; larger files are not shown whole. */
export const largestWhole = 2 * 1024 * 1024;

interface Content {
	readonly size: number;
	readonly blob: string;
	readonly sha256: string;
	/** `text` is valid UTF-8, `other-text` has no NUL either; `large` content is not read. */
	readonly form: "text" | "other-text" | "binary" | "large";
}

type Source = { readonly file: string } | { readonly link: string } | { readonly bytes: Buffer };

export interface ContentMemory {
	left: number;
}

export interface FileVersion extends Content {
	/** In git's format. */
	readonly mode: "100644" | "100755" | "120000";
	/** Absent if only the content's name is left, or a copy in the store. */
	readonly source?: Source | undefined;
}

/** @throws AgentvError if the file was removed or replaced meanwhile */
export async function describeVersion(
	note: TreeNote,
	source: Source,
	{ memory, signal }: { readonly memory?: ContentMemory; readonly signal?: AbortSignal | undefined } = {},
): Promise<FileVersion> {
	const mode = modeOf(note);
	if (note.kind === "file" && note.size > largestWhole)
		return { ...(await describeLarge(source, note.size, signal)), mode, source };
	const bytes = readSource(source);
	const isKept = memory !== undefined && bytes.length <= memory.left;
	if (isKept) memory.left -= bytes.length;
	return { ...describeBytes(bytes), mode, source: isKept ? { bytes } : source };
}

export function modeOf(note: TreeNote): FileVersion["mode"] {
	if (note.kind === "link") return "120000";
	return note.mode & 0o100 ? "100755" : "100644";
}

function describeBytes(bytes: Buffer): Content {
	const digests = new Digests(bytes.length);
	digests.update(bytes);
	const form = bytes.includes(0) ? "binary" : isUtf8(bytes) ? "text" : "other-text";
	return { size: bytes.length, ...digests.result(), form: bytes.length > largestWhole ? "large" : form };
}

/** The content must not be `large`. */
export function readSource(source: Source): Buffer {
	if ("bytes" in source) return source.bytes;
	return "link" in source ? rawBytes(source.link) : readRegularFile(source.file);
}

export async function readVersion(
	{ source, size, blob }: FileVersion,
	take: (chunk: Buffer) => void | Promise<void>,
	signal?: AbortSignal,
): Promise<void> {
	const digests = new Digests(size);
	const pass = async (chunk: Buffer) => {
		digests.update(chunk);
		await take(chunk);
	};
	if (source && "file" in source) await readRegularChunks(source.file, size, pass, signal);
	else if (source) await pass(readSource(source));
	if (digests.result().blob !== blob) throw changedMeanwhile(source);
}

export function bytesOfVersion({ source, blob }: FileVersion): Buffer {
	const bytes = source ? readSource(source) : Buffer.alloc(0);
	if (describeBytes(bytes).blob !== blob) throw changedMeanwhile(source);
	return bytes;
}

function changedMeanwhile(source: Source | undefined): AgentvError {
	const name = source && "file" in source ? source.file : "a link";
	return new AgentvError("not-found", `${name} was changed while it was read`);
}

/** In characters, so that a secret across two chunks is found. */
const overlap = 16 * 1024;

/** Only finds unencoded secrets. */
export async function holdsSecret(version: FileVersion, redact: Redactor, signal?: AbortSignal): Promise<boolean> {
	let [found, end] = [false, ""];
	await readVersion(
		version,
		(chunk) => {
			if (found) return;
			const text = end + chunk.toString("latin1");
			// Secrets can have any letters; wrongly decoding content in one of the ways is harmless.
			found = redact(text) !== text || redact(chunk.toString("utf8")) !== chunk.toString("utf8");
			end = text.slice(-overlap);
		},
		signal,
	);
	return found;
}

async function describeLarge(source: Source, size: number, signal: AbortSignal | undefined): Promise<Content> {
	const digests = new Digests(size);
	let read = 0;
	if ("file" in source)
		await readRegularChunks(
			source.file,
			size,
			(chunk) => {
				digests.update(chunk);
				read += chunk.length;
			},
			signal,
		);
	// The size is part of git's digest.
	if (read !== size) throw changedMeanwhile(source);
	return { size, ...digests.result(), form: "large" };
}

class Digests {
	readonly #blob: Hash;
	readonly #sha256 = createHash("sha256");

	constructor(size: number) {
		this.#blob = createHash("sha1").update(`blob ${size}\0`);
	}

	update(chunk: Buffer): void {
		this.#blob.update(chunk);
		this.#sha256.update(chunk);
	}

	result(): Pick<Content, "blob" | "sha256"> {
		return { blob: this.#blob.digest("hex"), sha256: this.#sha256.digest("hex") };
	}
}

/** Blobs in the store; absent if there was no file. */
export interface StoredChange {
	readonly before?: string | undefined;
	readonly after?: string | undefined;
}

/** Keeps rules of a repository or user from affecting how files are read and shown. */
const config = [
	["core.attributesFile", "/dev/null"],
	["core.excludesFile", "/dev/null"],
	["core.quotePath", "false"],
] as const;

/**
 * Stores and compares file versions outside any workspace, so that neither affects the other:
 * attributes, filters and configuration there don't apply.
 */
export class ChangeStore {
	readonly #directory: string;
	readonly #objects: string;
	readonly #env: Environment;
	#made = false;

	constructor(directory: string, env: Environment) {
		this.#directory = directory;
		this.#objects = join(directory, "objects");
		this.#env = plainGitEnvironment(env);
	}

	exists(): boolean {
		return !this.#made || pathKind(this.#objects) === "directory";
	}

	saveBytes(content: Uint8Array): string {
		this.#make();
		return writeGitObject(this.#objects, "blob", content);
	}

	/** Hunks are empty if only one side exists and is empty; otherwise the sides must differ. */
	async hunks(changes: readonly StoredChange[], signal?: AbortSignal): Promise<string[]> {
		if (changes.length === 0) return [];
		this.#make();
		// Names are generated: a file's name must not affect how its change is shown, nor the order.
		const tree = (side: "before" | "after") =>
			changes.flatMap(({ [side]: sha }, index) =>
				sha === undefined ? [] : [{ name: nameAt(index), mode: "100644" as const, sha }],
			);
		const [from, to] = [writeGitTree(this.#objects, tree("before")), writeGitTree(this.#objects, tree("after"))];
		const show = ["-p", "--text", "--full-index", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
		const { stdout } = await this.git(["diff-tree", ...show, from, to, "--"], { signal });
		return splitHunks(`\n${stdout}`, changes.length);
	}

	async read(blob: string): Promise<Buffer> {
		return (await this.git(["cat-file", "blob", blob])).stdoutBytes;
	}

	/** Ignores the configuration of any repository in the directory. @throws GitError */
	async apply(patchFile: string, directory: string, signal?: AbortSignal): Promise<void> {
		this.#make();
		// Names that other systems treat as git's own are ordinary files here.
		const names = [
			["core.protectNTFS", "false"],
			["core.protectHFS", "false"],
		] as const;
		await localGit(directory, ["apply", "--whitespace=nowarn", "--", patchFile], {
			...{ env: this.#env, signal, config: [...config, ...names] },
			variables: { GIT_DIR: this.#directory },
		});
	}

	async git(args: readonly string[], options: Omit<LocalGitOptions, "env"> = {}): Promise<GitAnswer> {
		this.#make();
		const variables = { GIT_DIR: this.#directory, ...options.variables };
		return localGit(this.#directory, args, { ...options, env: this.#env, variables, config });
	}

	#make(): void {
		if (this.#made) return;
		makeDirectory(this.#directory);
		initRepository(this.#directory, { env: this.#env, bare: true });
		this.#made = true;
	}
}

function nameAt(index: number): string {
	return String(index).padStart(8, "0");
}

/** Each line of a hunk begins with a blank, a sign or a backslash, so a heading is unambiguous. */
function splitHunks(diff: string, count: number): string[] {
	const starts = Array.from({ length: count + 1 }, () => diff.length);
	let at = 0;
	for (let index = 0; index < count; index++) {
		at = diff.indexOf(`\ndiff --git a/${nameAt(index)} `, at);
		if (at === -1) throw new Error(`git shows no difference for change ${index}`);
		starts[index] = at;
	}
	return starts.slice(0, -1).map((start, index) => {
		const section = diff.slice(start + 1, (starts[index + 1] ?? diff.length) + 1);
		const hunk = section.indexOf("\n@@ ");
		return hunk === -1 ? "" : section.slice(hunk + 1);
	});
}

/** A prepared tree that is never modified: copies are created from it and reset to it. */
export class Pristine {
	readonly root: string;
	readonly entries: readonly TreeEntry[];
	readonly #paths: ReadonlySet<string>;
	/** Absolute links into this directory become links into the copy. */
	readonly #preparedAt: string;

	constructor(root: string, preparedAt = root) {
		this.root = root;
		this.#preparedAt = preparedAt;
		// Sockets and pipes of what hooks left running are useless in a copy.
		this.entries = listTree(root).filter(({ kind }) => kind !== "other");
		this.#paths = new Set(this.entries.map(({ path }) => path));
	}

	exists(): boolean {
		return pathKind(this.root) === "directory";
	}

	has(path: string): boolean {
		return this.#paths.has(path);
	}

	/** @param path must not exist */
	async copyTo(path: string, signal?: AbortSignal): Promise<TreeNotes> {
		await copyPreparedTree(this.#asSeenFrom(path), path, { preserveTimes: true, signal });
		return noteTree(path, signal);
	}

	/** Copies a tree that will be modified; links are unchanged. */
	static async of(tree: string, path: string, signal?: AbortSignal): Promise<Pristine> {
		const { entries } = new Pristine(tree);
		await copyPreparedTree({ root: tree, entries }, path, { preserveTimes: true, signal });
		return new Pristine(path, tree);
	}

	/** `fast` keeps new files that the tree's own ignore rules match, `strict` none. */
	reset(
		path: string,
		clean: TreeNotes,
		mode: Exclude<ResetMode, "none">,
		rules: { ignored(paths: readonly string[]): Promise<ReadonlySet<string>> },
		signal?: AbortSignal,
	): Promise<TreeNotes> {
		const keep = (extras: readonly string[]) => rules.ignored(extras.filter((extra) => !isGitsOwn(extra)));
		return resetTree(this.#asSeenFrom(path), path, clean, { signal, ...(mode === "fast" ? { keep } : {}) });
	}

	#asSeenFrom(path: string): PreparedTree {
		const entries = this.entries.map((entry) => {
			const { target } = entry;
			if (target === undefined || !target.startsWith("/") || !isInside(this.#preparedAt, target)) return entry;
			return { ...entry, target: join(path, target.slice(this.#preparedAt.length)) };
		});
		return { root: this.root, entries };
	}
}

export function isGitsOwn(path: string): boolean {
	return path === ".git" || path.startsWith(".git/") || path.endsWith("/.git") || path.includes("/.git/");
}

/** A `.gitignore` that the agent writes later doesn't count. Repositories have separate rules. */
export class IgnoreRules {
	readonly #pristine: Pristine;
	readonly #store: ChangeStore;
	readonly #directory: string;
	readonly #repositories: readonly string[];
	readonly #files: readonly string[];
	#ready: Set<string> | undefined;

	/** @param directory a separate directory for copies of the rules */
	constructor(pristine: Pristine, store: ChangeStore, directory: string) {
		this.#pristine = pristine;
		this.#store = store;
		this.#directory = directory;
		const paths = pristine.entries.map(({ path }) => path);
		const roots = paths.filter((path) => path.endsWith("/.git")).map((path) => dirname(path));
		this.#repositories = [...roots.sort((a, b) => b.length - a.length), ""];
		this.#files = pristine.entries
			.filter(({ path, kind }) => kind === "file" && /(^|\/)\.gitignore$/.test(path) && !/(^|\/)\.git\//.test(path))
			.map(({ path }) => path);
	}

	async ignored(paths: readonly string[]): Promise<ReadonlySet<string>> {
		if (this.#files.length === 0 || paths.length === 0) return new Set();
		const withRules = this.#prepare();
		const groups = new Map<string, string[]>();
		for (const path of paths) {
			const root = this.#rootOf(path);
			if (withRules.has(root)) groups.set(root, [...(groups.get(root) ?? []), path]);
		}
		const ignored = new Set<string>();
		for (const [root, members] of groups) {
			const prefix = root === "" ? "" : `${root}/`;
			const input = Buffer.concat(
				members.flatMap((path) => [Buffer.from(systemPath(path.slice(prefix.length))), Buffer.of(0)]),
			);
			const { stdoutBytes } = await this.#store.git(["check-ignore", "--no-index", "-z", "--stdin"], {
				...{ input, okExitCodes: [0, 1] },
				variables: { GIT_WORK_TREE: this.#placeOf(root) },
			});
			for (const name of stdoutBytes.toString("latin1").split("\0"))
				if (name !== "") ignored.add(prefix + rawPath(Buffer.from(name, "latin1")));
		}
		return ignored;
	}

	#rootOf(path: string): string {
		return this.#repositories.find((root) => root === "" || path.startsWith(`${root}/`)) ?? "";
	}

	#placeOf(root: string): string {
		return join(this.#directory, String(this.#repositories.indexOf(root)));
	}

	#prepare(): Set<string> {
		if (this.#ready) return this.#ready;
		this.#ready = new Set();
		for (const file of this.#files) {
			const root = this.#rootOf(file);
			const goal = join(this.#placeOf(root), root === "" ? file : file.slice(root.length + 1));
			makeDirectory(dirname(goal));
			writeNewFile(goal, readBytes(join(this.#pristine.root, file)));
			this.#ready.add(root);
		}
		return this.#ready;
	}
}
