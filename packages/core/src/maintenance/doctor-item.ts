import { isAbsolute } from "node:path";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import { findExecutable, runProcess } from "../machine/run-process.ts";

/** What is looked at, in the order in which it is told. */
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

/**
 * `ok`: as it should be; `note`: worth knowing, nobody needs it; `warning`: works, but not as meant; `problem`: something needed is missing.
 */
export type DoctorState = "ok" | "note" | "warning" | "problem";

/** One thing that was looked at. Texts may hold names from files: make them safe before they are shown. Never a secret. */
export interface DoctorItem {
	readonly group: DoctorGroup;
	readonly name: string;
	readonly state: DoctorState;
	/** What was found, without a full stop. */
	readonly says: string;
	/** What to do next about it. */
	readonly action?: string;
	/** Evals that need it, as seen from the current directory. */
	readonly neededBy?: readonly string[];
}

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
