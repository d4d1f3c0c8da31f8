import { AgentvError, type ErrorCode } from "../lib/errors.ts";
import { redactText } from "../lib/redact.ts";
import { isDiskFull } from "./environment.ts";

/** Why a git command failed, as far as its output shows. */
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
	/** Where it ran: git does not always report that a disk is full. */
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

/** Messages of git (`LC_ALL=C`), curl and ssh that identify a reason; the first match wins. */
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

/** Lines by which git only reports that ssh or the checkout failed. */
const passedOn = /^fatal: (Could not read from remote repository|unable to checkout working tree)/;

/** Returns git's first `fatal:` line, else `error:`, else the last one. */
function tellingLine(stderr: string): string {
	const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
	const fatal = lines.findIndex((one) => one.startsWith("fatal:"));
	const before = passedOn.test(lines[fatal] ?? "") ? lines[fatal - 1] : undefined;
	const line = before ?? lines[fatal] ?? lines.find((one) => one.startsWith("error:")) ?? lines.at(-1);
	return line?.replace(/^(fatal|error): /, "").replace(/(?<![:\s])[:\s]+$/, "") ?? "";
}

function commandName(args: readonly string[]): string {
	const name = args.find((argument, index) => !argument.startsWith("-") && args[index - 1] !== "-c");
	return `git ${name ?? ""}`.trim();
}

/** Returns the error for a command that ran and failed: `interrupted` if aborted, else `failed`. */
export function gitFailed(failure: GitFailure): GitError {
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

export function gitNotStarted(args: readonly string[], code: string, message: string): GitError {
	const failure: GitFailure = { args, exitCode: null, stderr: "" };
	if (code === "ENOENT" && !message.startsWith("the working directory")) {
		const hint = "Install git, or add its directory to PATH.";
		return new GitError("config", "git was not found in PATH", "git-missing", failure, hint);
	}
	return new GitError("config", `git could not be started: ${message}`, "other", failure);
}
