import type { Environment } from "../environment.ts";

/** Configuration for one command, keys as git writes them (`core.hooksPath`). */
export type GitConfig = readonly (readonly [key: string, value: string])[];

/** Where the user keeps his configuration is his choice, and does not change what a command works on. */
const alwaysKept = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
/** What a user sets up for reaching his remotes. */
const keptForRemotes = [
	...["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND", "GIT_HTTP_USER_AGENT"],
	...["GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY", "GIT_SSL_VERSION"],
	...["GIT_PROXY_SSL_CAINFO", "GIT_PROXY_SSL_CERT", "GIT_PROXY_SSL_KEY", "GIT_HTTP_PROXY_AUTHMETHOD"],
];

/** Programs that git would start to ask or show something; `PREFIX` moves its system configuration. */
const interactive = new Set(["EDITOR", "VISUAL", "PAGER", "SSH_ASKPASS", "PREFIX"]);
/** On a desktop it opens a window and waits; whoever means to answer git by a program of his own sets `GIT_ASKPASS`. */
const asking = new Set(["SSH_ASKPASS"]);

/** Nothing that a repository or the user configured may run programs, ask questions or tidy up behind our back. */
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
 * Configuration as environment variables: they win over every file and, other than `-c`, show in no process list. `before` are
 * pairs that the user gave in the same way.
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

/** The environment of a command that must not go online and must not be led elsewhere by inherited `GIT_*` variables. */
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

/** The environment of a command that talks to a remote: what the user set up for that works, prompts do not. */
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
