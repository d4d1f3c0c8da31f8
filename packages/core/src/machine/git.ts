import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type SimpleGitOptions, simpleGit } from "simple-git";
import { AgentvError, type ErrorCode } from "../lib/errors.ts";
import { redactText } from "../lib/redact.ts";
import { makeDirectory } from "./directories.ts";
import { type Environment, isDiskFull } from "./environment.ts";
import { errnoCode, fileError, fileStamp, targetKind } from "./files.ts";
import { findExecutable, runProcess } from "./run-process.ts";

interface GitOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
	readonly input?: string | Uint8Array | undefined;
	/** These are not failures. Default `[0]`. */
	readonly okExitCodes?: readonly number[] | undefined;
	/** For received repositories: `foreignRepositoryConfig(root)`. */
	readonly config?: GitConfig | undefined;
	/** `GIT_INDEX_FILE`, `GIT_DIR`, `GIT_WORK_TREE`, `GIT_AUTHOR_DATE`, … */
	readonly variables?: Readonly<Record<string, string>> | undefined;
}

export interface LocalGitOptions extends GitOptions {
	/** A synchronous call may block this long. Default 30,000. */
	readonly longestSyncMs?: number | undefined;
}

export interface GitAnswer {
	readonly exitCode: number;
	/** As UTF-8. */
	readonly stdout: string;
	readonly stdoutBytes: Buffer;
	readonly stderr: string;
}

/** Unblocks what the hardening needs in simple-git; user input stays after `--` in `args`. */
const allowed: NonNullable<SimpleGitOptions["unsafe"]> = {
	allowUnsafeConfigEnvCount: true,
	allowUnsafeConfigPaths: true,
	allowUnsafeHooksPath: true,
	allowUnsafeFsMonitor: true,
};
/** Also allows overriding what a foreign repository configures. */
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

/** These would run configured programs to show a difference. */
const showsDifferences = new Set(["diff", "diff-files", "diff-index", "diff-tree", "log", "show", "whatchanged"]);

function guarded(args: readonly string[]): string[] {
	const [command = "", ...rest] = args;
	return showsDifferences.has(command) ? [command, "--no-ext-diff", "--no-textconv", ...rest] : [...args];
}

function environment(options: GitOptions): Record<string, string> {
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
 * Never accesses a remote (protocols are off, so that a blob-filtered clone can't fetch), and runs
 * without hooks, prompts or inherited `GIT_*` variables. `args` begins with the command's name;
 * operands belong after `--`.
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
		// All variables named GIT_… were set above.
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

/** Like `localGit`, for a quick query: at most 1 GB of output, and no abort. */
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
		// Always set: a command that reads stdin must not wait forever.
		input: options.input ?? "",
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

/** Passed in the environment of one call, never in argv, a file or a log. */
export interface GitCredentials {
	/** `https://host/path`. Only its host receives the credentials, even after redirects. */
	readonly url: string;
	readonly username: string;
	readonly password: string;
}

export interface RemoteGitOptions extends GitOptions {
	readonly timeoutMs?: number | undefined;
	readonly credentials?: GitCredentials | undefined;
	/** Needs `--progress` in `args`. */
	readonly onProgress?: ((progress: GitProgress) => void) | undefined;
}

export type RemoteGitAnswer = Pick<GitAnswer, "exitCode" | "stdout">;

/**
 * Runs a git command that accesses a remote, in its own process group: timeout and abort also end
 * its helpers (`git-remote-https`, ssh). The user's credentials, ssh and proxy settings apply;
 * prompts and hooks don't. Pass URLs and refs after `--` and through `checkGitOperand`.
 * @throws GitError with a reason and git's message, without the user part of any URL
 */
export async function remoteGit(
	directory: string,
	args: readonly string[],
	options: RemoteGitOptions,
): Promise<RemoteGitAnswer> {
	const login = loginFor(options.credentials);
	const env = {
		...remoteGitEnvironment(options.env, [...(options.config ?? []), ...login.config]),
		...(await sshVariables(args, options.env)),
		...login.variables,
		...options.variables,
	};
	return groupedGit(directory, args, { ...options, env });
}

async function groupedGit(directory: string, args: readonly string[], options: RemoteGitOptions) {
	const { env, input, timeoutMs, signal, onProgress, okExitCodes = [0] } = options;
	const onStderr = (line: string) => {
		const progress = onProgress && parseGitProgress(line);
		if (progress) onProgress(progress);
	};
	const ended = await runProcess({ argv: ["git", ...args], cwd: directory, env, input, timeoutMs, signal, onStderr });
	if (ended.startError) throw gitNotStarted(args, ended.startError.code, ended.startError.message);
	const { exitCode, stdout, stderr, timedOut, aborted } = ended;
	if (timedOut || aborted || exitCode === null || !okExitCodes.includes(exitCode))
		throw gitFailed({ args, exitCode, stderr, timedOut, aborted });
	return { exitCode, stdout };
}

interface RemoteRef {
	readonly sha: string;
	/** `refs/heads/main`, for example; `refs/tags/v1^{}` is what an annotated tag points to. */
	readonly ref: string;
}

/** `patterns` are `refs/heads/main` or `HEAD`; default: all refs. */
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
 * Builds a credential helper for one host, which reads its answer from the environment: a header
 * would follow a redirect to another host. The user's own helpers are not used there, because some
 * store what they receive.
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

/** The user's own ssh command stays; one from the repository's configuration is not run. */
async function sshVariables(args: readonly string[], env: Environment): Promise<Record<string, string>> {
	const needsNoSsh = args.some((argument) => /^(https?|git|file):\/\/|^\//i.test(argument));
	if (needsNoSsh || env.GIT_SSH_COMMAND || env.GIT_SSH) return {};
	const { stdout } = await localGit("/", ["config", "--get", "core.sshCommand"], {
		...{ env, okExitCodes: [0, 1, 128] },
		// Without a repository, only the user's and the system's configuration is read.
		variables: { GIT_DIR: "/nonexistent" },
	});
	return { GIT_SSH_COMMAND: stdout.trim() || "ssh -oBatchMode=yes -oConnectTimeout=10" };
}

/** For a command that must not be stopped half-way: no Ctrl-C, no abort. @throws GitError */
export async function shieldedGit(
	directory: string,
	args: readonly string[],
	options: Omit<GitOptions, "signal">,
): Promise<RemoteGitAnswer> {
	return groupedGit(directory, args, { ...options, env: environment(options) });
}

/** Applies to one command; keys as in git (`core.hooksPath`). */
export type GitConfig = readonly (readonly [key: string, value: string])[];

/** The location of the user's configuration doesn't change what a command works on. */
const alwaysKept = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
const keptForRemotes = [
	...["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND", "GIT_HTTP_USER_AGENT"],
	...["GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY", "GIT_SSL_VERSION"],
	...["GIT_PROXY_SSL_CAINFO", "GIT_PROXY_SSL_CERT", "GIT_PROXY_SSL_KEY", "GIT_HTTP_PROXY_AUTHMETHOD"],
];

/** Programs for prompts and pagers; `PREFIX` moves git's system configuration. */
const interactive = new Set(["EDITOR", "VISUAL", "PAGER", "SSH_ASKPASS", "PREFIX"]);
/** Opens a window and waits; `GIT_ASKPASS` sets programs that answer git. */
const asking = new Set(["SSH_ASKPASS"]);

const hardening: GitConfig = [
	["core.hooksPath", "/dev/null"],
	["core.fsmonitor", "false"],
	["submodule.recurse", "false"],
	["maintenance.auto", "false"],
	["gc.auto", "0"],
	["commit.gpgSign", "false"],
	["tag.gpgSign", "false"],
	["log.showSignature", "false"],
	["color.ui", "false"],
];

function stripped(
	env: Environment,
	allowedNames: readonly string[],
	programs: ReadonlySet<string>,
): Record<string, string | undefined> {
	return Object.fromEntries(
		Object.entries(env).filter(([name]) => {
			return /^GIT_/i.test(name) ? allowedNames.includes(name) : !programs.has(name.toUpperCase());
		}),
	);
}

/** Environment variables override every file and, unlike `-c`, are not visible in process lists. */
function configVariables(config: GitConfig): Record<string, string> {
	return Object.fromEntries([
		["GIT_CONFIG_COUNT", String(config.length)],
		...config.flatMap(([key, value], index) => [
			[`GIT_CONFIG_KEY_${index}`, key],
			[`GIT_CONFIG_VALUE_${index}`, value],
		]),
	]);
}

function configGiven(env: Environment): GitConfig {
	const count = Number.parseInt(env.GIT_CONFIG_COUNT ?? "0", 10);
	return Array.from({ length: Math.min(Number.isFinite(count) ? count : 0, 1000) }, (_, index) => {
		return [env[`GIT_CONFIG_KEY_${index}`] ?? "", env[`GIT_CONFIG_VALUE_${index}`] ?? ""] as const;
	}).filter(([key]) => key !== "");
}

/** Goes offline and ignores inherited `GIT_*` variables. */
function localGitEnvironment(env: Environment, config: GitConfig = []): Record<string, string | undefined> {
	return {
		...stripped(env, alwaysKept, interactive),
		LC_ALL: "C",
		GIT_TERMINAL_PROMPT: "0",
		GIT_ALLOW_PROTOCOL: "none",
		GIT_OPTIONAL_LOCKS: "0",
		...configVariables([...hardening, ...config]),
	};
}

function remoteGitEnvironment(env: Environment, config: GitConfig = []): Record<string, string | undefined> {
	const lowSpeed: GitConfig = [
		["http.lowSpeedLimit", "1000"],
		["http.lowSpeedTime", "30"],
		["fetch.recurseSubmodules", "false"],
		["credential.interactive", "false"],
	];
	return {
		...stripped(env, [...alwaysKept, ...keptForRemotes], asking),
		LC_ALL: "C",
		GIT_TERMINAL_PROMPT: "0",
		GIT_ALLOW_PROTOCOL: "file:git:http:https:ssh",
		...configVariables([...configGiven(env), ...hardening, ...lowSpeed, ...config]),
	};
}

const refusals: readonly (readonly [RegExp, string])[] = [
	[/^$/, "is empty"],
	[/^-/, 'begins with "-"'],
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
	[/[\x00-\x1f\x7f]/, "contains a control character"],
	[/^[a-z0-9+.-]+::/i, "names another transport"],
];

/** Rejects a leading `-`, control characters and `ext::…`. @throws AgentvError `config` */
export function checkGitOperand(operand: string): void {
	const refusal = refusals.find(([pattern]) => pattern.test(operand));
	if (!refusal) return;
	const shown = JSON.stringify(redactText(operand.slice(0, 200)));
	throw new AgentvError("config", `a git URL or ref ${refusal[1]}: ${shown}`);
}

export interface GitProgress {
	/** As git names it: `Receiving objects`, `Resolving deltas`, `Updating files`. */
	readonly phase: string;
	/** 0 to 100. */
	readonly percent: number;
	readonly done: number;
	readonly total: number;
	/** Whether the server reports it. */
	readonly remote: boolean;
}

const line = /^(remote: )?([A-Z][a-z]+ [a-z]+):\s+(\d+)% \((\d+)\/(\d+)\)/;

function parseGitProgress(text: string): GitProgress | undefined {
	const match = line.exec(text);
	if (!match) return undefined;
	const [, remote, phase = "", percent, done, total] = match;
	return { phase, percent: Number(percent), done: Number(done), total: Number(total), remote: remote !== undefined };
}

/** Older versions ignore configuration and credentials in the environment. */
const oldest = { major: 2, minor: 31 };

/** Programs that are new enough, with their stamps: each check costs a process. */
const checkedPrograms = new Map<string, string | undefined>();

/** @throws AgentvError `config` if git is missing or too old */
export async function requireGit(env: Environment, directory: string): Promise<void> {
	const program = findExecutable("git", env, directory);
	if (program === undefined) throw gitNotStarted([], "ENOENT", "");
	const stamp = fileStamp(program);
	if (stamp !== undefined && checkedPrograms.get(program) === stamp) return;
	await refuseOldGit(env, directory);
	checkedPrograms.set(program, stamp);
}

async function refuseOldGit(env: Environment, directory: string): Promise<void> {
	const { stdout } = await localGit(directory, ["version"], { env });
	const [, version, major, minor] = /(?<![0-9])(([0-9]+)\.([0-9]+)[.0-9]*)/.exec(stdout) ?? [];
	// Accept a build with another version scheme.
	if (version === undefined) return;
	const isOld = Number(major) < oldest.major || (Number(major) === oldest.major && Number(minor) < oldest.minor);
	if (!isOld) return;
	throw new AgentvError("config", `git ${version} is too old`, {
		hint: `AgentV needs git ${oldest.major}.${oldest.minor} or newer.`,
	});
}

/** Creates branch `main`, without the user's template (hooks, excludes). */
export function initRepository(
	directory: string,
	options: { readonly env: Environment; readonly bare?: boolean; readonly sha256?: boolean },
): void {
	const flags = [options.bare ? "--bare" : "", options.sha256 ? "--object-format=sha256" : ""].filter(Boolean);
	localGitSync(directory, ["init", "--quiet", "--template=", "--initial-branch=main", ...flags], { env: options.env });
	// Where git, and users, expect to find it.
	makeDirectory(join(directory, options.bare ? "info" : ".git/info"));
}

type GitFailureReason =
	| "not-found"
	| "auth"
	| "network"
	| "timeout"
	| "aborted"
	| "ref-missing"
	| "git-missing"
	| "disk-full"
	| "other";

interface GitFailure {
	readonly args: readonly string[];
	readonly exitCode: number | null;
	readonly stderr: string;
	readonly timedOut?: boolean;
	readonly aborted?: boolean;
	/** Needed because git does not always report that a disk is full. */
	readonly directory?: string;
}

/** Message, hint and stderr never contain the user part of a URL. */
export class GitError extends AgentvError {
	readonly reason: GitFailureReason;
	/** Null if git did not start or was ended by a signal. */
	readonly exitCode: number | null;
	readonly stderr: string;

	constructor(code: ErrorCode, message: string, reason: GitFailureReason, failure: GitFailure, hint?: string) {
		super(code, message, { hint });
		this.reason = reason;
		this.exitCode = failure.exitCode;
		this.stderr = redactText(failure.stderr);
	}
}

/** Messages of git (`LC_ALL=C`), curl and ssh; the first match wins. */
const signs: readonly (readonly [GitFailureReason, RegExp])[] = [
	["disk-full", /No space left on device|Disk quota exceeded|Out of diskspace/i],
	["other", /cannot run \S+: No such file/],
	["timeout", /Operation too slow|Connection timed out|Operation timed out|Timeout was reached/i],
	[
		"auth",
		/Authentication failed|could not read (Username|Password)|terminal prompts disabled|returned error: 40[137]/i,
	],
	// ssh names the methods it tried; without them it is a local file that may not be accessed.
	["auth", /Permission denied(, please try again| \([\w-,]+\))|Host key verification failed/i],
	["auth", /HTTP Basic: Access denied|Invalid username or/i],
	[
		"ref-missing",
		/Remote branch .{0,500} not found|couldn't find remote ref|not our ref|no such ref was fetched|unadvertised object/i,
	],
	["not-found", /repository '?.{0,1000}'? not found|does not appear to be a git repository|returned error: (404|410)/i],
	[
		"not-found",
		/repository '.{0,1000}' does not exist|not exported|No such file or directory|not valid: is this a git repository/i,
	],
	[
		"network",
		/Could not resolve|Failed to connect|Couldn't connect|unable to (connect|look up|access)|Connection (refused|reset|closed)/i,
	],
	[
		"network",
		/early EOF|RPC failed|hung up|unexpected disconnect|network is unreachable|No route to host|SSL|TLS|curl \d+|invalid index-pack/i,
	],
];

/** In these lines git only reports that ssh or the checkout failed. */
const passedOn = /^fatal: (Could not read from remote repository|unable to checkout working tree)/;

/** Returns git's first `fatal:` line, else `error:`, else the last one. */
function tellingLine(stderr: string): string {
	const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
	const fatal = lines.findIndex((text) => text.startsWith("fatal:"));
	const before = passedOn.test(lines[fatal] ?? "") ? lines[fatal - 1] : undefined;
	const line = before ?? lines[fatal] ?? lines.find((text) => text.startsWith("error:")) ?? lines.at(-1);
	return line?.replace(/^(fatal|error): /, "").replace(/(?<![:\s])[:\s]+$/, "") ?? "";
}

function commandName(args: readonly string[]): string {
	const name = args.find((argument, index) => !argument.startsWith("-") && args[index - 1] !== "-c");
	return `git ${name ?? ""}`.trim();
}

function gitFailed(failure: GitFailure): GitError {
	const command = commandName(failure.args);
	if (failure.aborted) return new GitError("interrupted", `${command} was interrupted`, "aborted", failure);
	if (failure.timedOut) return new GitError("failed", `${command} timed out and was ended`, "timeout", failure);
	const known = signs.find(([, sign]) => sign.test(failure.stderr))?.[0] ?? "other";
	const isFull = known === "other" && failure.directory !== undefined && isDiskFull(failure.directory);
	const reason = isFull ? "disk-full" : known;
	const words = redactText(tellingLine(failure.stderr));
	const said =
		words || (failure.exitCode === null ? "it was ended by a signal" : `exit code ${failure.exitCode}, no message`);
	const hint = /dubious ownership/.test(failure.stderr)
		? 'Add the directory to git\'s "safe.directory" configuration if you trust it.'
		: undefined;
	return new GitError("failed", `${command} failed: ${said}${isFull ? " (no space left)" : ""}`, reason, failure, hint);
}

function gitNotStarted(args: readonly string[], code: string, message: string): GitError {
	const failure: GitFailure = { args, exitCode: null, stderr: "" };
	if (code === "ENOENT" && !message.startsWith("the working directory")) {
		const hint = "Install git, or add its directory to PATH.";
		return new GitError("config", "git was not found in PATH", "git-missing", failure, hint);
	}
	return new GitError("config", `git could not be started: ${message}`, "other", failure);
}
