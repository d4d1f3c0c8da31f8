import { runProcess } from "../run-process.ts";
import { localGitEnvironment } from "./git-environment.ts";
import { gitFailed, gitNotStarted } from "./git-error.ts";
import type { LocalGitOptions } from "./local-git.ts";
import type { RemoteGitAnswer } from "./remote-git.ts";

/**
 * Runs `localGit` for a command that must not be stopped half-way: in its own process group, so
 * that Ctrl-C does not reach it, and without abort.
 * @throws GitError
 */
export async function shieldedGit(
	directory: string,
	args: readonly string[],
	options: Omit<LocalGitOptions, "signal">,
): Promise<RemoteGitAnswer> {
	const result = await runProcess({
		argv: ["git", ...args],
		cwd: directory,
		env: { ...localGitEnvironment(options.env, options.config), ...options.variables },
		input: options.input,
	});
	if (result.startError) throw gitNotStarted(args, result.startError.code, result.startError.message);
	const { exitCode, stderr } = result;
	if (exitCode === null || !(options.okExitCodes ?? [0]).includes(exitCode))
		throw gitFailed({ args, exitCode, stderr });
	return { exitCode, stdout: result.stdout };
}
