import { AgentvError } from "../../base/agentv-error.ts";
import type { Environment } from "../environment.ts";
import { runProcess } from "../run-process.ts";
import { checkGitOperand } from "./check-git-operand.ts";
import { type GitConfig, localGitEnvironment, remoteGitEnvironment } from "./git-environment.ts";
import { gitFailed, gitNotStarted } from "./git-error.ts";
import { type GitProgress, parseGitProgress } from "./git-progress.ts";

/** Passed in the environment of one call: never in argv, a file or a log. */
export interface GitCredentials {
	/** `https://host/path`. Only its host receives the credentials, even after redirects. */
	readonly url: string;
	readonly username: string;
	readonly password: string;
}

export interface RemoteGitOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
	/** For the whole command. */
	readonly timeoutMs?: number | undefined;
	readonly credentials?: GitCredentials | undefined;
	/** Needs `--progress` in `args`. */
	readonly onProgress?: ((progress: GitProgress) => void) | undefined;
	readonly config?: GitConfig | undefined;
	/** `GIT_DIR` and `GIT_WORK_TREE`, so that no other repository is found. */
	readonly variables?: Readonly<Record<string, string>> | undefined;
	readonly input?: string | undefined;
	readonly okExitCodes?: readonly number[] | undefined;
}

export interface RemoteGitAnswer {
	readonly exitCode: number;
	readonly stdout: string;
}

/**
 * Runs a git command that accesses a remote, in its own process group: timeout and abort also end
 * its helpers (`git-remote-https`, ssh). The user's credentials, ssh and proxy settings apply;
 * prompts and hooks don't. Pass URLs and refs after
 * `--` and through `checkGitOperand`.
 * @throws GitError with a reason and git's message, without the user part of any URL
 */
export async function remoteGit(
	directory: string,
	args: readonly string[],
	options: RemoteGitOptions,
): Promise<RemoteGitAnswer> {
	const login = loginFor(options.credentials);
	const config = [...(options.config ?? []), ...login.config];
	const result = await runProcess({
		argv: ["git", ...args],
		cwd: directory,
		env: {
			...remoteGitEnvironment(options.env, config),
			...(await sshVariables(args, options.env)),
			...login.variables,
			...options.variables,
		},
		input: options.input,
		timeoutMs: options.timeoutMs,
		signal: options.signal,
		onStderr(line) {
			const progress = options.onProgress && parseGitProgress(line);
			if (progress) options.onProgress?.(progress);
		},
	});
	if (result.startError) throw gitNotStarted(args, result.startError.code, result.startError.message);
	const { exitCode, stderr, timedOut, aborted } = result;
	if (timedOut || aborted || exitCode === null || !(options.okExitCodes ?? [0]).includes(exitCode)) {
		throw gitFailed({ args, exitCode, stderr, timedOut, aborted });
	}
	return { exitCode, stdout: result.stdout };
}

export interface RemoteRef {
	readonly sha: string;
	/** Such as `refs/heads/main`; `refs/tags/v1^{}` is what an annotated tag points to. */
	readonly ref: string;
}

/** Returns the refs that match `patterns` (`refs/heads/main`, or `HEAD`); default all. */
export async function listRemoteRefs(
	directory: string,
	url: string,
	patterns: readonly string[],
	options: RemoteGitOptions,
): Promise<RemoteRef[]> {
	for (const operand of [url, ...patterns]) checkGitOperand(operand);
	const answer = await remoteGit(directory, ["ls-remote", "--", url, ...patterns], options);
	return answer.stdout.split("\n").flatMap((line) => {
		const [sha, ref] = line.split("\t");
		return sha && ref ? [{ sha, ref }] : [];
	});
}

const answersGit =
	'!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$AGENTV_GIT_USERNAME" "$AGENTV_GIT_PASSWORD"; }; f';

/**
 * Returns a credential helper for one host, which reads its answer from the environment: a header
 * would follow a redirect to another host.
 * The user's own helpers are not used there, because some store what they receive.
 */
function loginFor(credentials: GitCredentials | undefined): {
	readonly config: GitConfig;
	readonly variables: Readonly<Record<string, string>>;
} {
	if (!credentials) return { config: [], variables: {} };
	const { url, username, password } = credentials;
	// Each is a line of git's input.
	if (/[\0\r\n]/.test(username + password))
		throw new AgentvError("config", "the URL's user or password contains a control character");
	const key = `credential.${/^[a-z]+:\/\/[^/?#]+/i.exec(url)?.[0] ?? url}.helper`;
	return {
		config: [
			[key, ""],
			[key, answersGit],
		],
		variables: { AGENTV_GIT_USERNAME: username, AGENTV_GIT_PASSWORD: password },
	};
}

/**
 * Returns variables that keep ssh from prompting or waiting forever. The user's own ssh command
 * stays; one from the repository's configuration is not run.
 */
async function sshVariables(args: readonly string[], env: Environment): Promise<Record<string, string>> {
	const needsNoSsh = args.some((argument) => /^(https?|git|file):\/\/|^\//i.test(argument));
	if (needsNoSsh || env.GIT_SSH_COMMAND || env.GIT_SSH) return {};
	const configured = await runProcess({
		argv: ["git", "config", "--get", "core.sshCommand"],
		cwd: "/",
		// Without a repository, only the user's and the system's configuration is read.
		env: { ...localGitEnvironment(env), GIT_DIR: "/nonexistent" },
	});
	return { GIT_SSH_COMMAND: configured.stdout.trim() || "ssh -oBatchMode=yes -oConnectTimeout=10" };
}
