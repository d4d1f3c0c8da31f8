import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { agentvHome, type Environment } from "./environment.ts";
import { isWritableDirectory } from "./files/is-writable.ts";
import { isMadeByKernel } from "./files/kernel-files.ts";
import { pathDevice, targetKind } from "./files/stat-path.ts";

/**
 * Looks whether `$AGENTV_HOME` is a directory or can become one, before anything is kept there.
 * @param writes whether something will be written there
 * @throws AgentvError `config`
 */
export function refuseUnusableHome(env: Environment, { writes }: { readonly writes: boolean }): void {
	const home = agentvHome(env);
	const there = nearestThere(home);
	const what = problemOf(there, writes);
	if (what === undefined) return;
	const where = there === home ? "" : `${home} can't be used: `;
	const hint = "Let AGENTV_HOME name a directory that can be written to (default: ~/.agentv).";
	throw new AgentvError("config", `${where}${there} ${what}`, { hint });
}

function problemOf(path: string, writes: boolean): string | undefined {
	if (targetKind(path) !== "directory") return "is not a directory";
	if (isMadeByKernel(path, pathDevice(path))) return "belongs to a file system of the kernel";
	return writes && !isWritableDirectory(path) ? "can't be written to" : undefined;
}

function nearestThere(path: string): string {
	return targetKind(path) === "missing" && dirname(path) !== path ? nearestThere(dirname(path)) : path;
}
