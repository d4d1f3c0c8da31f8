import { join } from "node:path";
import type { Environment } from "../environment.ts";
import type { GitConfig } from "./git-environment.ts";
import { type LocalGitOptions, localGitSync } from "./local-git.ts";

/** Overrides for keys that can run a program or redirect git; the first match wins. */
const overrides: readonly (readonly [RegExp, string])[] = [
	[/^filter\..*\.required$/, "false"],
	[/^filter\..*\.(clean|smudge|process)$/, ""],
	[/^merge\..*\.driver$/, "false"],
	[/^core\.fsmonitor$/, "false"],
	[/^core\.sshcommand$/, "ssh"],
	[/^core\.(pager|editor)$|^sequence\.editor$|^pager\./, "cat"],
	[/^gpg\.(.*\.)?program$/, "false"],
	[/^credential\.(.*\.)?helper$/, ""],
	[/^core\.(attributesfile|excludesfile)$/, "/dev/null"],
	[/^(commit|tag|push)\.gpgsign$/, "false"],
	[/^core\.alternaterefscommand$/, "true"],
];

/**
 * Returns options for git commands in a repository that AgentV did not create (a benchmark's work
 * tree, a workspace after the agent ran): its configuration can name programs to run, so those keys
 * are overridden, and `core.worktree` can't redirect git.
 * `localGit` never runs external diff and textconv programs; nested repositories are not inspected.
 */
export function foreignRepository(root: string, env: Environment): Pick<LocalGitOptions, "config" | "variables"> {
	const variables = { GIT_DIR: join(root, ".git"), GIT_WORK_TREE: root };
	const keys = new Set<string>();
	for (const scope of ["--local", "--worktree"]) {
		const list = ["config", scope, "--includes", "--name-only", "-z", "--list"];
		const { stdout } = localGitSync(root, list, { env, variables, okExitCodes: [0, 128] });
		for (const key of stdout.split("\0")) if (key !== "") keys.add(key);
	}
	const config: (readonly [string, string])[] = [["diff.ignoreSubmodules", "dirty"]];
	for (const key of keys) {
		const override = overrides.find(([pattern]) => pattern.test(key.toLowerCase()));
		if (override) config.push([key, override[1]]);
	}
	return { config: config satisfies GitConfig, variables };
}
