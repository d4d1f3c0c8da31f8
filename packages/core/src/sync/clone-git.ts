import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { foreignRepository } from "../io/git/foreign-repository.ts";
import { type GitAnswer, type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { readPlainConfig } from "../io/git/plain-config.ts";
import { type RemoteGitAnswer, type RemoteGitOptions, remoteGit } from "../io/git/remote-git.ts";
import { remoteUrl } from "../io/git/repository.ts";
import { shieldedGit } from "../io/git/shielded-git.ts";

/** Settings for remote access. */
export interface RemoteSettings
	extends Pick<RemoteGitOptions, "env" | "signal" | "timeoutMs" | "credentials" | "onProgress"> {
	readonly env: Environment;
}

type LocalSettings = Pick<LocalGitOptions, "input" | "okExitCodes">;

/** Never another repository, nor programs from the clone's own configuration. */
export interface CloneGit {
	readonly root: string;
	readonly gitDir: string;
	/** Whether its configuration is git's own, so that its files can be read without git. */
	readonly isPlain: boolean;
	/** `remote.origin.url` as in the configuration. */
	readonly originUrl: string | undefined;
	/** The full ref (`refs/heads/main`) or SHA of the last sync, from the clone's configuration. */
	readonly syncedRef: string | undefined;
	/** A configuration key of the clone that would run a program on remote access. */
	readonly refusedKey: string | undefined;
	/** Offline. */
	local(
		args: readonly string[],
		settings?: LocalSettings & { readonly signal?: AbortSignal | undefined },
	): Promise<GitAnswer>;
	/** Offline, and not interrupted by Ctrl-C. */
	shielded(args: readonly string[], settings?: LocalSettings): Promise<RemoteGitAnswer>;
	/** Online. */
	remote(
		args: readonly string[],
		settings: RemoteSettings & Pick<RemoteGitOptions, "input" | "config">,
	): Promise<RemoteGitAnswer>;
}

const runsPrograms = /^remote\..*\.(uploadpack|vcs)$|^core\.(gitproxy|askpass)$/i;

/** Opens the clone at `root` (a real path whose `.git` is a directory). */
export async function openClone(root: string, env: Environment): Promise<CloneGit> {
	const gitDir = join(root, ".git");
	const plain = readPlainConfig(join(gitDir, "config"));
	const variables = { GIT_DIR: gitDir, GIT_WORK_TREE: root };
	const foreign = plain ? { variables } : foreignRepository(root, env);
	const local: CloneGit["local"] = (args, settings = {}) => localGit(root, args, { ...settings, ...foreign, env });
	const setting = async (key: string) =>
		(await local(["config", "--local", "--get", key], { okExitCodes: [0, 1] })).stdout.replace(/\n$/, "") || undefined;
	return {
		root,
		gitDir,
		isPlain: plain !== undefined,
		originUrl: plain ? plain.get("remote.origin.url") : await remoteUrl(root, { env, ...foreign }),
		syncedRef: plain ? plain.get("agentv.ref") : await setting("agentv.ref"),
		refusedKey: plain ? undefined : await refusedKeyOf(local),
		local,
		shielded: (args, settings = {}) => shieldedGit(root, args, { ...settings, ...foreign, env }),
		remote: (args, settings) =>
			remoteGit(root, args, {
				...settings,
				variables,
				config: [...("config" in foreign ? (foreign.config ?? []) : []), ...(settings.config ?? [])],
			}),
	};
}

async function refusedKeyOf(local: CloneGit["local"]): Promise<string | undefined> {
	const { stdout } = await local(["config", "--local", "--includes", "--name-only", "-z", "--list"]);
	return stdout.split("\0").find((key) => runsPrograms.test(key));
}
