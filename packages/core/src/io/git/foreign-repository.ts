import { join } from "node:path";
import type { Environment } from "../environment.ts";
import type { GitConfig } from "./git-environment.ts";
import { type LocalGitOptions, localGitSync } from "./local-git.ts";

/** What a key that can run a program, or lead git elsewhere, is overridden with; the first match counts. */
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
 * Options for git commands in a repository that we did not make (a benchmark's work tree, a workspace after the agent had it):
 * its own configuration may name programs to run, so what it names is overridden, and `core.worktree` can't lead elsewhere.
 * External diff and textconv programs never run in `localGit`; nested repositories are not looked into.
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
