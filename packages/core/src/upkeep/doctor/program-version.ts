import { isAbsolute } from "node:path";
import { isSecretName } from "../../base/secret-names.ts";
import type { Environment } from "../../io/environment.ts";
import { isInside } from "../../io/files/path-inside.ts";
import { realPath } from "../../io/files/stat-path.ts";
import { findExecutable } from "../../io/process/find-executable.ts";
import { runProcess } from "../../io/run-process.ts";

/** Programs that are asked for their version. All others are looked for, and never run. */
const wellKnown: ReadonlySet<string> = new Set([
	...["git", "node", "python3", "bun", "tsx", "claude", "codex", "copilot", "pi"],
]);

const answerMs = 5000;

export interface FoundProgram {
	/** Absolute. */
	readonly path: string;
	readonly version?: string;
}

export interface ProgramSearch {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Directories whose own programs are not run. */
	readonly projects: readonly string[];
	readonly signal?: AbortSignal | undefined;
}

/**
 * Looks a program up, and asks one that is well known for its version. Not where it comes from an entry of PATH that is relative or lies in
 * a project: looking at a project must not run what is in it.
 */
export async function findProgram(name: string, search: ProgramSearch): Promise<FoundProgram | undefined> {
	const { env, cwd, projects, signal } = search;
	const path = findExecutable(name, env, cwd);
	if (path === undefined) return undefined;
	const isOfProject = [cwd, ...projects].some((project) => isInside(realPath(project), realPath(path)));
	if (!wellKnown.has(name) || isOfProject || !isAbsolute(path)) return { path };
	const { exitCode, stdout, stderr } = await runProcess({
		argv: [path, "--version"],
		cwd: "/",
		// It is asked for nothing that needs a key.
		env: Object.fromEntries(Object.entries(env).filter(([key]) => !isSecretName(key))),
		timeoutMs: answerMs,
		killGraceMs: 500,
		leftovers: "end",
		maxBuffer: 4096,
		signal,
	});
	const version = exitCode === 0 ? /(?<!\d)\d+\.\d+[\w.+-]*/.exec(stdout || stderr)?.[0] : undefined;
	return { path, ...(version === undefined ? {} : { version }) };
}
