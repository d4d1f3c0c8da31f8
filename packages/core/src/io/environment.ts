import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";

/** Environment variables as a plain value: read once at the entry point, then passed down. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the user's home directory: `HOME`, on Windows `USERPROFILE`, else the system's. */
export function homeDirectory(env: Environment): string {
	return env.HOME || env.USERPROFILE || systemHome();
}

function systemHome(): string {
	try {
		// Empty if HOME is empty: then trust decisions would be stored in the working directory.
		return homedir() || userInfo().homedir;
	} catch (error) {
		// The system has no entry for this user id, as in containers.
		throw new AgentvError("config", "no home directory: HOME is not set", {
			hint: "Set HOME, or set AGENTV_HOME to a directory.",
			cause: error,
		});
	}
}

/** Replaces a leading `~` or `~/` by the home directory. */
export function expandHome(path: string, env: Environment): string {
	if (path === "~") return homeDirectory(env);
	return path.startsWith("~/") ? join(homeDirectory(env), path.slice(2)) : path;
}

/** Returns the absolute `$AGENTV_HOME` (`~` expanded), default `~/.agentv`. */
export function agentvHome(env: Environment): string {
	return resolve(expandHome(env.AGENTV_HOME || join(homeDirectory(env), ".agentv"), env));
}
