import type { Environment } from "../io/environment.ts";
import type { GitConfig } from "../io/git/git-environment.ts";

/** Configuration of our repositories in a workspace: a copied index stays valid. */
export const workspaceGitConfig: GitConfig = [
	["core.trustctime", "false"],
	["core.checkStat", "minimal"],
];

/** User configuration doesn't affect the result. */
export function plainGitEnvironment(env: Environment): Environment {
	return { ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
}

/** Fixed author and time: the same files give the same commit. */
export const baselineIdentity: Readonly<Record<string, string>> = Object.fromEntries(
	["AUTHOR", "COMMITTER"].flatMap((role) => [
		[`GIT_${role}_NAME`, "AgentV"],
		[`GIT_${role}_EMAIL`, "agentv@localhost"],
		[`GIT_${role}_DATE`, "2020-01-01T00:00:00Z"],
	]),
);
