import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { foreignRepository } from "../io/git/foreign-repository.ts";
import { type GitAnswer, type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { readPlainConfig } from "../io/git/plain-config.ts";
import { type RemoteGitAnswer, type RemoteGitOptions, remoteGit } from "../io/git/remote-git.ts";
import { remoteUrl } from "../io/git/repository.ts";
import { shieldedGit } from "../io/git/shielded-git.ts";

/** What talking to a remote needs. */
export interface RemoteSettings
	extends Pick<RemoteGitOptions, "env" | "signal" | "timeoutMs" | "credentials" | "onProgress"> {
	readonly env: Environment;
}

type LocalSettings = Pick<LocalGitOptions, "input" | "okExitCodes">;

/** git in one clone: never in another repository, and without the programs that the clone's own configuration names. */
export interface CloneGit {
	readonly root: string;
	readonly gitDir: string;
	/** Its configuration holds only what git itself writes into a clone: its files may be read without asking git. */
	readonly isPlain: boolean;
	/** `remote.origin.url` as it stands in the configuration. */
	readonly originUrl: string | undefined;
	/** The full ref (`refs/heads/main`) or SHA that the last sync brought, as we noted it in the clone's configuration. */
	readonly syncedRef: string | undefined;
	/** A configuration key of the clone that would run a program when a remote is asked. */
	readonly refusedKey: string | undefined;
	/** Offline. */
	local(
		args: readonly string[],
		settings?: LocalSettings & { readonly signal?: AbortSignal | undefined },
	): Promise<GitAnswer>;
	/** Offline, and not stopped half-way by Ctrl-C. */
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
