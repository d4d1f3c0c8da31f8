import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";

/** Environment variables as a plain value: read once where the program starts, then handed down. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The user's home directory: `HOME`, on Windows `USERPROFILE`, else what the system says. */
export function homeDirectory(env: Environment): string {
	return env.HOME || env.USERPROFILE || systemHome();
}

function systemHome(): string {
	try {
		// Empty if HOME is: then the working directory would hold what is trusted.
		return homedir() || userInfo().homedir;
	} catch (error) {
		// A user id that the system has no entry for, as in containers.
		throw new AgentvError("config", "there is no home directory: HOME is not set", {
			hint: "Set HOME, or let AGENTV_HOME name a directory.",
			cause: error,
		});
	}
}

/** Puts the home directory for a leading `~` or `~/`; anything else stays as it is. */
export function expandHome(path: string, env: Environment): string {
	if (path === "~") return homeDirectory(env);
	return path.startsWith("~/") ? join(homeDirectory(env), path.slice(2)) : path;
}

/** Where AgentV keeps its registry, state and caches: `$AGENTV_HOME` (`~` expanded), default `~/.agentv`. Absolute. */
export function agentvHome(env: Environment): string {
	return resolve(expandHome(env.AGENTV_HOME || join(homeDirectory(env), ".agentv"), env));
}
