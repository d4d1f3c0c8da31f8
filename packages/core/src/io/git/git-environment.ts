import type { Environment } from "../environment.ts";

/** Configuration for one command, keys as in git (`core.hooksPath`). */
export type GitConfig = readonly (readonly [key: string, value: string])[];

/** The location of the user's configuration doesn't change what a command works on. */
const alwaysKept = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
/** The user's settings for reaching remotes. */
const keptForRemotes = [
	...["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND", "GIT_HTTP_USER_AGENT"],
	...["GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY", "GIT_SSL_VERSION"],
	...["GIT_PROXY_SSL_CAINFO", "GIT_PROXY_SSL_CERT", "GIT_PROXY_SSL_KEY", "GIT_HTTP_PROXY_AUTHMETHOD"],
];

/** Programs for prompts and pagers; `PREFIX` moves git's system configuration. */
const interactive = new Set(["EDITOR", "VISUAL", "PAGER", "SSH_ASKPASS", "PREFIX"]);
/** Opens a window and waits; programs that answer git are set by `GIT_ASKPASS`. */
const asking = new Set(["SSH_ASKPASS"]);

/** Prevents configured programs, prompts and background maintenance. */
export const hardening: GitConfig = [
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
	kept: readonly string[],
	programs: ReadonlySet<string>,
): Record<string, string | undefined> {
	return Object.fromEntries(
		Object.entries(env).filter(([name]) => {
			return /^GIT_/i.test(name) ? kept.includes(name) : !programs.has(name.toUpperCase());
		}),
	);
}

/**
 * Returns configuration as environment variables: they override every file and, unlike `-c`, are
 * not visible in process lists. `before` are pairs that the user set the same way.
 */
export function configVariables(config: GitConfig, before: GitConfig = []): Record<string, string> {
	const all = [...before, ...config];
	return Object.fromEntries([
		["GIT_CONFIG_COUNT", String(all.length)],
		...all.flatMap(([key, value], index) => [
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
export function localGitEnvironment(env: Environment, config: GitConfig = []): Record<string, string | undefined> {
	return {
		...stripped(env, alwaysKept, interactive),
		LC_ALL: "C",
		GIT_TERMINAL_PROMPT: "0",
		GIT_ALLOW_PROTOCOL: "none",
		GIT_OPTIONAL_LOCKS: "0",
		...configVariables([...hardening, ...config]),
	};
}

/** The user's setup for remotes applies, prompts don't. */
export function remoteGitEnvironment(env: Environment, config: GitConfig = []): Record<string, string | undefined> {
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
		...configVariables([...hardening, ...lowSpeed, ...config], configGiven(env)),
	};
}
