import { AgentvError } from "../../base/agentv-error.ts";
import type { Environment } from "../environment.ts";
import { fileStamp } from "../files/file-stamp.ts";
import { findExecutable } from "../process/find-executable.ts";
import { gitNotStarted } from "./git-error.ts";
import { localGit } from "./local-git.ts";

/** The first git that takes configuration from its environment: an older one would heed neither our hardening nor credentials. */
const oldest = { major: 2, minor: 31 };

/** Programs that are new enough, with their stamps: asking costs a process. */
const asked = new Map<string, string | undefined>();

/**
 * Sees to it that there is a git to work with.
 * @param directory an existing directory, which a relative PATH counts from
 * @throws AgentvError `config` where git is missing or too old
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
	// A build that numbers itself in another way is taken as it is.
	if (version === undefined) return;
	const isOld = Number(major) < oldest.major || (Number(major) === oldest.major && Number(minor) < oldest.minor);
	if (!isOld) return;
	throw new AgentvError("config", `git ${version} is too old`, {
		hint: `AgentV needs git ${oldest.major}.${oldest.minor} or newer.`,
	});
}
