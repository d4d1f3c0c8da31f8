import { spawnSync } from "node:child_process";
import { type SimpleGitOptions, simpleGit } from "simple-git";
import type { Environment } from "../environment.ts";
import { errnoCode, fileError } from "../files/file-error.ts";
import { targetKind } from "../files/stat-path.ts";
import { type GitConfig, localGitEnvironment } from "./git-environment.ts";
import { gitFailed, gitNotStarted } from "./git-error.ts";

export interface LocalGitOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
	readonly input?: string | Uint8Array | undefined;
	/** Exit codes that are not failures. Default `[0]`. */
	readonly okExitCodes?: readonly number[] | undefined;
	/** Additional configuration: `foreignRepositoryConfig(root)` for received repositories. */
	readonly config?: GitConfig | undefined;
	/** Such as `GIT_INDEX_FILE`, `GIT_DIR`, `GIT_WORK_TREE`, `GIT_AUTHOR_DATE`. */
	readonly variables?: Readonly<Record<string, string>> | undefined;
	/** Milliseconds that a synchronous call may block. Default 30,000. */
	readonly longestSyncMs?: number | undefined;
}

export interface GitAnswer {
	readonly exitCode: number;
	/** As UTF-8. */
	readonly stdout: string;
	readonly stdoutBytes: Buffer;
	readonly stderr: string;
}

/** What simple-git blocks and our hardening needs; user input stays after `--` in `args`. */
const allowed: NonNullable<SimpleGitOptions["unsafe"]> = {
	allowUnsafeConfigEnvCount: true,
	allowUnsafeConfigPaths: true,
	allowUnsafeHooksPath: true,
	allowUnsafeFsMonitor: true,
};
/** Like `allowed`, to override what a foreign repository configures. */
const allowedForOverrides: NonNullable<SimpleGitOptions["unsafe"]> = {
	allowUnsafeCommandBinaries: true,
	allowUnsafeCredentialHelper: true,
	allowUnsafeEditor: true,
	allowUnsafeFilter: true,
	allowUnsafeGpgProgram: true,
	allowUnsafeMergeDriver: true,
	allowUnsafePager: true,
	allowUnsafeSshCommand: true,
};

/** Commands that would run configured programs to show a difference. */
const showsDifferences = new Set(["diff", "diff-files", "diff-index", "diff-tree", "log", "show", "whatchanged"]);

function guarded(args: readonly string[]): string[] {
	const [command = "", ...rest] = args;
	return showsDifferences.has(command) ? [command, "--no-ext-diff", "--no-textconv", ...rest] : [...args];
}

function environment(options: LocalGitOptions): Record<string, string> {
	const all = { ...localGitEnvironment(options.env, options.config), ...options.variables };
	return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function answer(exitCode: number, stdout: Buffer, stderr: Buffer): GitAnswer {
	return { exitCode, stdout: stdout.toString("utf8"), stdoutBytes: stdout, stderr: stderr.toString("utf8") };
}

function refuseMissingDirectory(directory: string): void {
	const kind = targetKind(directory);
	if (kind !== "directory")
		throw fileError(directory, Object.assign(new Error(kind), { code: kind === "missing" ? "ENOENT" : "ENOTDIR" }));
}

/**
 * Runs a git command that never accesses a remote (protocols are off, so that a blob-filtered clone
 * can't fetch), without hooks, prompts or inherited `GIT_*` variables. `args` begins with the
 * command's name; operands belong after `--`.
 * @throws GitError with git's message, redacted; `git-missing` if there is no git
 */
export async function localGit(
	directory: string,
	args: readonly string[],
	options: LocalGitOptions,
): Promise<GitAnswer> {
	refuseMissingDirectory(directory);
	const env = environment(options);
	const ok = options.okExitCodes ?? [0];
	let result: { stdOut: Buffer[]; stdErr: Buffer[]; exitCode: number } | undefined;
	const settings: Partial<SimpleGitOptions> = {
		baseDir: directory,
		// All variables named GIT_… were set by us.
		allowEnvironment: Object.keys(env),
		unsafe: options.config ? { ...allowed, ...allowedForOverrides } : allowed,
		completion: { onClose: true, onExit: false },
		...(options.signal ? { abort: options.signal } : {}),
		// Always set: a command that reads stdin must not wait forever.
		input: () => Buffer.from(options.input ?? ""),
		errors(error, ended) {
			result = ended;
			return ok.includes(ended.exitCode) ? undefined : (error ?? new Error("git failed"));
		},
	};
	try {
		await simpleGit(settings)
			.env(env)
			// simple-git waits 50 ms for a command that prints nothing; an empty chunk avoids that.
			.outputHandler((_command, stdout) => setImmediate(() => stdout.emit("data", Buffer.alloc(0))))
			.raw(guarded(args));
	} catch (error) {
		if (options.signal?.aborted) throw gitFailed({ args, exitCode: null, stderr: "", aborted: true });
		if (!result) throw error;
		const stderr = Buffer.concat(result.stdErr).toString("utf8");
		if (/\bENOENT\b/.test(stderr) && result.exitCode < 0) throw gitNotStarted(args, "ENOENT", stderr);
		throw gitFailed({ args, exitCode: result.exitCode, stderr, directory });
	}
	if (!result) throw gitFailed({ args, exitCode: null, stderr: "" });
	return answer(result.exitCode, Buffer.concat(result.stdOut), Buffer.concat(result.stdErr));
}

/** Synchronous `localGit` for a quick query. At most 1 GB of output; no abort. */
export function localGitSync(directory: string, args: readonly string[], options: LocalGitOptions): GitAnswer {
	refuseMissingDirectory(directory);
	// A repository can make git wait forever.
	const { longestSyncMs = 30_000 } = options;
	const result = spawnSync("git", guarded(args), {
		cwd: directory,
		env: environment(options),
		maxBuffer: 2 ** 30,
		timeout: longestSyncMs,
		killSignal: "SIGKILL",
		stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
		...(options.input === undefined ? {} : { input: options.input }),
		windowsHide: true,
	});
	if (result.error && result.pid === 0) throw gitNotStarted(args, errnoCode(result.error) ?? "", result.error.message);
	if (errnoCode(result.error) === "ETIMEDOUT")
		throw gitFailed({ args, exitCode: null, stderr: `git did not finish within ${longestSyncMs / 1000} s` });
	if (result.error) throw result.error;
	const stderr = result.stderr.toString("utf8");
	if (result.status === null || !(options.okExitCodes ?? [0]).includes(result.status)) {
		throw gitFailed({ args, exitCode: result.status, stderr, directory });
	}
	return answer(result.status, result.stdout, result.stderr);
}
