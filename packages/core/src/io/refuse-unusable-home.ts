import { statSync } from "node:fs";
import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { agentvHome, type Environment } from "./environment.ts";
import { fileError } from "./files/file-error.ts";
import { isWritableDirectory } from "./files/is-writable.ts";
import { isMadeByKernel } from "./files/kernel-files.ts";
import { pathDevice, targetKind } from "./files/stat-path.ts";

/**
 * Fails if `$AGENTV_HOME` is not a directory and can't become one.
 * @param writes whether something will be written there
 * @throws AgentvError `config`
 */
export function refuseUnusableHome(env: Environment, { writes }: { readonly writes: boolean }): void {
	const problem = homeProblem(agentvHome(env), { writes });
	if (problem !== undefined) throw new AgentvError("config", problem, { hint: homeHint });
}

export const homeHint = "Set AGENTV_HOME to a writable directory (default: ~/.agentv).";

/** Returns why `home` can't be used, without a full stop; undefined if it can. */
export function homeProblem(home: string, { writes }: { readonly writes: boolean }): string | undefined {
	const existing = nearestExisting(home);
	const reason = problemOf(existing, writes);
	if (reason === undefined) return nameProblem(home);
	return existing === home ? `${home} ${reason}` : `${home} can't be used: ${existing} ${reason}`;
}

function problemOf(path: string, writes: boolean): string | undefined {
	if (targetKind(path) !== "directory") return "is not a directory";
	if (isMadeByKernel(path, pathDevice(path))) return "is on a kernel file system";
	return writes && !isWritableDirectory(path) ? "is not writable" : undefined;
}

/** A path that can't exist (a name that is too long, a cycle of links) looks like a missing one. */
function nameProblem(home: string): string | undefined {
	try {
		statSync(home, { throwIfNoEntry: false });
		return undefined;
	} catch (error) {
		return fileError(home, error).message;
	}
}

function nearestExisting(path: string): string {
	return targetKind(path) === "missing" && dirname(path) !== path ? nearestExisting(dirname(path)) : path;
}
