import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { digestFile } from "../../io/files/digest-tree.ts";
import { makeDirectories } from "../../io/files/make-directories.ts";
import { readRegularFile } from "../../io/files/read-regular.ts";
import { readBytes } from "../../io/files/read-text.ts";
import { removeTree } from "../../io/files/remove-tree.ts";
import { replaceByCopy } from "../../io/files/replace-by-copy.ts";
import { notePath } from "../../io/files/tree-notes.ts";
import { writeAtomic } from "../../io/files/write-atomic.ts";
import { localGit } from "../../io/git/local-git.ts";
import { remoteGit } from "../../io/git/remote-git.ts";
import { WorkspaceError } from "../workspace-error.ts";
import { plainGitEnvironment } from "../workspace-git.ts";
import type { CheckedOutFile } from "./materialise.ts";
import { type MirroredCommit, remoteTimeoutMs } from "./mirror.ts";
import type { RepositoryServices, RepositorySource } from "./repository-source.ts";

interface LfsRepository {
	readonly source: RepositorySource;
	readonly commit: MirroredCommit;
	/** Absolute work tree. */
	readonly directory: string;
}

/** A Git LFS pointer in place of a file. */
interface Pointer {
	readonly path: string;
	/** SHA-256 of the content. */
	readonly oid: string;
	readonly size: number;
	readonly executable: boolean;
}

/**
 * Replaces Git LFS pointers with their content. Content is cached next to the repository's commits,
 * so that cached files need neither network nor git-lfs.
 * @throws WorkspaceError with the unavailable files
 */
export async function placeLfsFiles(
	files: readonly CheckedOutFile[],
	repository: LfsRepository,
	services: RepositoryServices,
): Promise<void> {
	const pointers = await findPointers(files, repository.directory, services);
	if (pointers.length === 0) return;
	const cache = join(repository.commit.mirror, "lfs");
	takeFromNeighbour(missingFrom(cache, pointers), cache, repository.source);
	const absent = missingFrom(cache, pointers);
	if (absent.length > 0) await fetchObjects(absent, cache, repository, services);
	const missing = missingFrom(cache, pointers);
	if (missing.length > 0) throw refusal(missing, repository.source, "its server does not have them");
	for (const { path, oid, executable } of pointers)
		replaceByCopy(objectPath(cache, oid), join(repository.directory, path), executable ? 0o755 : 0o644);
	// The repository still considers the files unchanged: git-lfs may not be available to the agent.
	await localGit(repository.directory, ["update-index", "--assume-unchanged", "-z", "--stdin"], {
		...{ env: plainGitEnvironment(services.env), signal: services.signal },
		input: pointers.map(({ path }) => `${path}\0`).join(""),
	});
}

async function findPointers(
	files: readonly CheckedOutFile[],
	directory: string,
	{ env, signal }: RepositoryServices,
): Promise<Pointer[]> {
	const git = (args: readonly string[], input = "") =>
		localGit(directory, args, { env: plainGitEnvironment(env), signal, input, okExitCodes: [0, 1] });
	if (!files.some(({ path }) => /(^|\/)\.gitattributes$/.test(path))) return [];
	const { stdout: rules } = await git(["grep", "--cached", "-l", "-F", "filter=lfs", "--", "*.gitattributes"]);
	if (rules === "") return [];
	const regular = new Map(files.flatMap((file) => (file.mode.startsWith("100") ? [[file.path, file] as const] : [])));
	const input = [...regular.keys()].map((path) => `${path}\0`).join("");
	const fields = (await git(["check-attr", "-z", "--cached", "--stdin", "filter"], input)).stdout.split("\0");
	const pointers: Pointer[] = [];
	for (let at = 0; at + 2 < fields.length; at += 3) {
		const [path = "", , filter] = fields.slice(at, at + 3);
		const found = filter === "lfs" ? readPointer(join(directory, path)) : undefined;
		if (found) pointers.push({ path, ...found, executable: regular.get(path)?.mode === "100755" });
	}
	return pointers;
}

const longestPointer = 1024;

/** Parses a pointer file; undefined for other content. */
function readPointer(file: string): Pick<Pointer, "oid" | "size"> | undefined {
	const note = notePath(file);
	if (note?.kind !== "file" || note.size > longestPointer) return undefined;
	const text = readRegularFile(file).toString("utf8");
	if (!/^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\/v1\n/.test(text)) return undefined;
	const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
	const size = /^size (\d+)$/m.exec(text)?.[1];
	return oid === undefined || size === undefined ? undefined : { oid, size: Number(size) };
}

function objectPath(store: string, oid: string): string {
	return join(store, "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
}

function missingFrom(store: string, pointers: readonly Pointer[]): Pointer[] {
	return pointers.filter(({ oid, size }) => notePath(objectPath(store, oid))?.size !== size);
}

/** Copies content from a local repository. */
function takeFromNeighbour(missing: readonly Pointer[], cache: string, { kind, url }: RepositorySource): void {
	if (kind !== "directory") return;
	for (const { oid, size } of missing)
		for (const store of [join(url, ".git/lfs"), join(url, "lfs")]) {
			const file = objectPath(store, oid);
			const note = notePath(file);
			if (note?.kind !== "file" || note.size !== size || digestFile(file) !== oid) continue;
			makeDirectories(join(cache, "objects", oid.slice(0, 2), oid.slice(2, 4)));
			replaceByCopy(file, objectPath(cache, oid), 0o644);
		}
}

async function fetchObjects(
	missing: readonly Pointer[],
	cache: string,
	{ source, commit, directory }: LfsRepository,
	{ env, signal }: RepositoryServices,
): Promise<void> {
	if (source.kind === "bundle") throw refusal(missing, source, "a bundle does not contain them");
	const { exitCode } = await localGit(directory, ["lfs", "version"], { env, signal, okExitCodes: [0, 1, 127, 128] });
	if (exitCode !== 0) {
		const hint = "Install git-lfs (apt-get install git-lfs, brew install git-lfs, or https://git-lfs.com).";
		throw refusal(missing, source, "git-lfs is not installed", hint);
	}
	const settings = join(directory, ".git/config");
	const before = readBytes(settings);
	const url = source.kind === "directory" ? pathToFileURL(source.url).href : source.url;
	try {
		// Set in its own configuration: environment variables would also apply to a local remote
		// repository.
		for (const setting of [
			["remote.agentv.url", url],
			["lfs.storage", cache],
		])
			await localGit(directory, ["config", ...setting], { env: plainGitEnvironment(env), signal });
		await remoteGit(directory, ["lfs", "fetch", "agentv", commit.sha], {
			...{ env, signal, timeoutMs: remoteTimeoutMs, credentials: source.credentials },
			config: [
				["lfs.fetchrecentalways", "false"],
				["lfs.fetchrecentrefsdays", "0"],
				["lfs.fetchrecentcommitsdays", "0"],
			],
		});
	} catch (error) {
		if (!(error instanceof Error) || signal?.aborted) throw error;
		throw refusal(missing, source, error.message, undefined, error);
	} finally {
		// git-lfs's own settings don't belong to the repository.
		writeAtomic(settings, before);
		for (const name of ["lfs", "hooks", "FETCH_HEAD"]) await removeTree(join(directory, ".git", name));
	}
}

function refusal(
	missing: readonly Pointer[],
	{ shown }: RepositorySource,
	why: string,
	hint = "If tests don't need them, exclude them with `sparse`.",
	cause?: unknown,
): WorkspaceError {
	const names = missing.slice(0, 5).map(({ path }) => path);
	const more = missing.length > names.length ? `, and ${missing.length - names.length} more` : "";
	const count = missing.length === 1 ? "a file" : `${missing.length} files`;
	const message = `${shown} keeps ${count} in Git LFS that can't be fetched (${names.join(", ")}${more}): ${why}`;
	return new WorkspaceError("repositories", "lfs", message, { hint, ...(cause === undefined ? {} : { cause }) });
}
