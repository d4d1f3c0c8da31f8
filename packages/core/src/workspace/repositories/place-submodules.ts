import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { localGit } from "../../io/git/local-git.ts";
import { repositoryRoot } from "../../io/git/repository.ts";
import { refuseOutOfReach } from "../../model/reach.ts";
import { pathWithin } from "../safe-path.ts";
import { WorkspaceError } from "../workspace-error.ts";
import { plainGitEnvironment } from "../workspace-git.ts";
import { placeLfsFiles } from "./lfs-files.ts";
import { checkedOutFiles, materialise } from "./materialise.ts";
import { type MirroredCommit, mirrorCommit } from "./mirror.ts";
import type { RepositoryServices, RepositorySource } from "./repository-source.ts";
import { submoduleSource } from "./submodule-source.ts";

/** A repository in the workspace. */
export interface PlacedRepository {
	readonly source: RepositorySource;
	readonly commit: MirroredCommit;
	/** Relative to the workspace; empty for the workspace itself. */
	readonly path: string;
	readonly sparse?: readonly string[] | undefined;
}

/** Deeper nesting of submodules is considered a mistake. */
const deepest = 10;

/**
 * Creates a repository below `root`, a real path, with its submodules and Git LFS files.
 * @returns the paths of all repositories there, relative to the workspace
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
			// It can be at another commit, or no longer be a repository.
			if (!(error instanceof AgentvError) || error.code === "interrupted") throw error;
		}
	}
	const source = submoduleSource(parent, url);
	const named = { raw: url, kind: "repository", at: { file: join(parent.url, ".gitmodules") } };
	if (source.kind !== "remote") refuseOutOfReach(source.url, named, services.scope);
	return { source, commit: await mirrorCommit(source, sha, 0, services) };
}

/** Returns submodule URLs by path, from `.gitmodules` of a commit. */
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
