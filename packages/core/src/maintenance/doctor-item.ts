import { isAbsolute } from "node:path";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import { findExecutable, runProcess } from "../machine/run-process.ts";

/** In display order. */
export const doctorGroups = [
	"machine",
	"home",
	"evals",
	"programs",
	"targets",
	"variables",
	"storage",
	"online",
] as const;
export type DoctorGroup = (typeof doctorGroups)[number];

/** `note`: worth knowing; `warning`: works, but not as intended. */
export type DoctorState = "ok" | "note" | "warning" | "problem";

/** Never contains secrets, but unsafe names from files. */
export interface DoctorItem {
	readonly group: DoctorGroup;
	readonly name: string;
	readonly state: DoctorState;
	/** Without a full stop. */
	readonly says: string;
	/** What to do next. */
	readonly action?: string;
	/** Evals that need it, relative to the current directory. */
	readonly neededBy?: readonly string[];
}

/** Programs that are run with `--version`. All others are only searched. */
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
 * Finds a program, and its version if it is well known. Doesn't run one from a relative PATH entry
 * or inside a project: checking a project must not run its programs.
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
		// It needs no key for that.
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
