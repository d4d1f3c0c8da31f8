import type { Environment } from "../io/environment.ts";
import type { GitConfig } from "../io/git/git-environment.ts";

/** What repositories of ours in a workspace are configured with: an index copied along with its files stays valid in the copy. */
export const workspaceGitConfig: GitConfig = [
	["core.trustctime", "false"],
	["core.checkStat", "minimal"],
];

/** The environment for git in repositories of our own making: nothing that the user configured changes what comes out. */
export function plainGitEnvironment(env: Environment): Environment {
	return { ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
}

/** Who commits, and when: the same files give the same commit. */
export const baselineIdentity: Readonly<Record<string, string>> = Object.fromEntries(
	["AUTHOR", "COMMITTER"].flatMap((role) => [
		[`GIT_${role}_NAME`, "AgentV"],
		[`GIT_${role}_EMAIL`, "agentv@localhost"],
		[`GIT_${role}_DATE`, "2020-01-01T00:00:00Z"],
	]),
);
