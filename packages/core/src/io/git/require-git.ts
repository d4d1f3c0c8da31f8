import { AgentvError } from "../../base/agentv-error.ts";
import type { Environment } from "../environment.ts";
import { fileStamp } from "../files/file-stamp.ts";
import { findExecutable } from "../process/find-executable.ts";
import { gitNotStarted } from "./git-error.ts";
import { localGit } from "./local-git.ts";

/** Older versions ignore configuration and credentials in the environment. */
const oldest = { major: 2, minor: 31 };

/** Programs that are new enough, with their stamps: each check costs a process. */
const asked = new Map<string, string | undefined>();

/**
 * Checks that a usable git is installed.
 * @param directory an existing directory, which a relative PATH is resolved against
 * @throws AgentvError `config` if git is missing or too old
 */
export async function requireGit(env: Environment, directory: string): Promise<void> {
	const program = findExecutable("git", env, directory);
	if (program === undefined) throw gitNotStarted([], "ENOENT", "");
	const stamp = fileStamp(program);
	if (stamp !== undefined && asked.get(program) === stamp) return;
	await refuseOldGit(env, directory);
	asked.set(program, stamp);
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
