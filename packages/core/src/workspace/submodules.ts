import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { refuseOutOfReach } from "../eval/read-shape.ts";
import { AgentvError } from "../lib/errors.ts";
import { parseGitUrl, redactUrl, splitCredentials } from "../lib/git-url.ts";
import { makeDirectories } from "../machine/directories.ts";
import { realPath, removeTree, targetKind } from "../machine/files.ts";
import { checkGitOperand, localGit, remoteGit } from "../machine/git.ts";
import { repositoryRoot } from "../machine/git-repository.ts";
import { readBytes, readRegularFile } from "../machine/read-file.ts";
import { digestFile, notePath } from "../machine/tree-notes.ts";
import { replaceByCopy, writeAtomic } from "../machine/write-file.ts";
import { WorkspaceError } from "./contract.ts";
import { pathWithin } from "./patch.ts";
import {
	type CheckedOutFile,
	checkedOutFiles,
	type MirroredCommit,
	materialise,
	mirrorCommit,
	plainGitEnvironment,
	type RepositoryServices,
	type RepositorySource,
	remoteTimeoutMs,
} from "./repositories.ts";

interface PlacedRepository {
	readonly source: RepositorySource;
	readonly commit: MirroredCommit;
	/** Relative to the workspace; empty for the workspace itself. */
	readonly path: string;
	readonly sparse?: readonly string[] | undefined;
}

/** Deeper nesting of submodules is considered a mistake. */
const deepest = 10;

/**
 * @param root a real path
 * @returns all repositories' paths, relative to the workspace
 * @throws WorkspaceError with an unavailable submodule or file; AgentvError
 */
export async function placeWithSubmodules(
	{ source, commit, path, sparse }: PlacedRepository,
	root: string,
	services: RepositoryServices,
	depth = 0,
): Promise<string[]> {
	const directory = pathWithin(root, path, "the path of a repository");
	await materialise(commit, directory, { sparse, ...services });
	const files = await checkedOutFiles(directory, services);
	await placeLfsFiles(files, { source, commit, directory }, services);
	const placed = [path];
	const links = files.filter(({ mode }) => mode === "160000");
	if (links.length === 0) return placed;
	const modules = await readModules(directory, commit.sha, services);
	for (const link of links) {
		const inner = path === "" ? link.path : `${path}/${link.path}`;
		const url = modules.get(link.path);
		try {
			if (url === undefined) throw new AgentvError("not-found", ".gitmodules has no URL for it");
			if (depth >= deepest) throw new AgentvError("refused", `it is ${deepest} submodules deep`);
			const fetched = await fetchSubmodule(source, url, link, services);
			try {
				placed.push(...(await placeWithSubmodules({ ...fetched, path: inner }, root, services, depth + 1)));
			} finally {
				fetched.commit.release();
			}
		} catch (error) {
			throw submoduleError(error, source, link.path);
		}
	}
	return placed;
}

/** Prefers the checkout in a local work tree to the URL. */
async function fetchSubmodule(
	parent: RepositorySource,
	url: string,
	{ path, sha }: { readonly path: string; readonly sha: string },
	services: RepositoryServices,
): Promise<Pick<PlacedRepository, "source" | "commit">> {
	const checkedOut = join(parent.url, path);
	if (parent.kind === "directory" && repositoryRoot(checkedOut) === checkedOut) {
		const source: RepositorySource = { url: checkedOut, kind: "directory", shown: checkedOut };
		try {
			return { source, commit: await mirrorCommit(source, sha, 0, services) };
		} catch (error) {
			// The checkout can be at another commit, or no longer be a repository.
			if (!(error instanceof AgentvError) || error.code === "interrupted") throw error;
		}
	}
	const source = submoduleSource(parent, url);
	const named = { raw: url, kind: "repository", at: { file: join(parent.url, ".gitmodules") } };
	if (source.kind !== "remote") refuseOutOfReach(source.url, named, services.scope);
	return { source, commit: await mirrorCommit(source, sha, 0, services) };
}

async function readModules(
	directory: string,
	sha: string,
	{ env, signal }: RepositoryServices,
): Promise<ReadonlyMap<string, string>> {
	const { stdout } = await localGit(directory, ["config", "--blob", `${sha}:.gitmodules`, "-z", "--list"], {
		...{ env: plainGitEnvironment(env), signal, okExitCodes: [0, 1, 128] },
	});
	const modules = new Map<string, { path?: string; url?: string }>();
	for (const entry of stdout.split("\0")) {
		const [, name, key, value] = /^submodule\.(.+)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
		if (name !== undefined && key !== undefined) modules.set(name, { ...modules.get(name), [key]: value });
	}
	return new Map(
		[...modules.values()].flatMap(({ path, url }) =>
			path && url ? [[path.replace(/(?<!\/)\/+$/, ""), url] as const] : [],
		),
	);
}

function submoduleError(error: unknown, { shown }: RepositorySource, path: string): unknown {
	if (!(error instanceof AgentvError) || error.code === "interrupted") return error;
	const name = `the submodule ${JSON.stringify(path)} of ${shown}`;
	return new WorkspaceError("repositories", "submodule", `${name} can't be fetched: ${error.message}`, {
		cause: error,
		hint: error.hint ?? `If tests don't need it, exclude it: sparse: ["/*", ${JSON.stringify(`!/${path}`)}].`,
	});
}

/**
 * @param url relative to its repository if it begins with `./` or `../`
 * @throws AgentvError for what must not be passed to git, and for a local path in a remote
 * repository
 */
export function submoduleSource(parent: RepositorySource, url: string): RepositorySource {
	checkGitOperand(url);
	const isRelative = /^\.\.?(\/|$)/.test(url);
	if (isRelative && parent.kind === "bundle")
		throw new AgentvError(
			"config",
			`its URL ${JSON.stringify(url)} is relative, which can't be resolved from a bundle`,
		);
	const { url: whole, credentials } = splitCredentials(isRelative ? resolveUrl(parent.url, url) : url);
	checkGitOperand(whole);
	const { kind, path } = parseGitUrl(whole);
	if (kind === "other") throw new AgentvError("config", `${JSON.stringify(redactUrl(url))} is not a repository`);
	if (kind === "path" || kind === "file") return localSource(parent, kind === "file" ? decodeURI(path) : whole, url);
	const login = credentials ?? loginOf(parent, whole);
	return {
		url: whole,
		kind: "remote",
		shown: redactUrl(whole),
		...(login ? { credentials: { ...login, url: whole } } : {}),
	};
}

/** A remote repository must not add local files to a workspace. */
function localSource(parent: RepositorySource, path: string, url: string): RepositorySource {
	const shown = redactUrl(url);
	if (parent.kind !== "directory" || !path.startsWith("/"))
		throw new AgentvError("refused", `its URL ${JSON.stringify(shown)} is a local path`);
	const kind = targetKind(path);
	if (kind === "missing") throw new AgentvError("not-found", `${path} does not exist`);
	return { url: realPath(path), kind: kind === "directory" ? "directory" : "bundle", shown: path };
}

function loginOf(parent: RepositorySource, url: string): { username: string; password: string } | undefined {
	const server = (text: string) => /^[a-z]+:\/\/[^/?#]+/i.exec(text)?.[0].toLowerCase();
	if (!parent.credentials || server(parent.url) === undefined || server(parent.url) !== server(url)) return undefined;
	const { username, password } = parent.credentials;
	return { username, password };
}

/** Each `../` removes the last part of the parent's path, but never the server. */
function resolveUrl(parent: string, relative: string): string {
	const server = /^([a-z][a-z0-9+.-]*:\/\/[^/]*\/|[^/:]+:|\/)/i.exec(parent)?.[0] ?? "";
	const parts = parent
		.slice(server.length)
		.replace(/(?<!\/)\/+$/, "")
		.split("/");
	let rest = relative;
	for (let step = /^(\.\.?)(\/|$)/.exec(rest); step; step = /^(\.\.?)(\/|$)/.exec(rest)) {
		rest = rest.slice(step[0].length);
		if (step[1] === ".." && parts.pop() === undefined)
			throw new AgentvError("config", `its URL ${JSON.stringify(relative)} points outside the server`);
	}
	return server + [...parts, ...rest.split("/")].filter((part) => part !== "").join("/");
}

interface LfsRepository {
	readonly source: RepositorySource;
	readonly commit: MirroredCommit;
	/** Absolute work tree. */
	readonly directory: string;
}

interface Pointer {
	readonly path: string;
	readonly oid: string;
	readonly size: number;
	readonly executable: boolean;
}

/**
 * Caches content with the repository's commits, so that cached files need no network or git-lfs.
 * @throws WorkspaceError with the unavailable files
 */
async function placeLfsFiles(
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
		const pointer = filter === "lfs" ? readPointer(join(directory, path)) : undefined;
		if (pointer) pointers.push({ path, ...pointer, executable: regular.get(path)?.mode === "100755" });
	}
	return pointers;
}

const maxPointerBytes = 1024;

function readPointer(file: string): Pick<Pointer, "oid" | "size"> | undefined {
	const note = notePath(file);
	if (note?.kind !== "file" || note.size > maxPointerBytes) return undefined;
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
		// Environment variables would also apply to a local remote repository.
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
	return new WorkspaceError("repositories", "lfs", message, { hint, cause });
}
