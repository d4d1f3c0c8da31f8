import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { delimiter, resolve } from "node:path";
import { errnoCode, resourceError } from "../files/file-error.ts";
import { targetKind } from "../files/stat-path.ts";
import type { ProcessCommand, ProcessOptions } from "./process-options.ts";

export interface StartedProcess {
	readonly child: ChildProcess;
	/** Its process id, also the id of its group. */
	readonly leader: number;
}

/** Starts the program in its own group, or returns the start error. */
export async function startProcess(
	options: ProcessOptions & ProcessCommand,
): Promise<StartedProcess | { error: unknown }> {
	const settings: SpawnOptions = {
		cwd: options.cwd,
		env: { ...options.env },
		// A separate session and process group: one signal reaches every descendant that did not leave
		// it.
		detached: process.platform !== "win32",
		windowsHide: true,
		stdio: [options.input === undefined && !options.onInput ? "ignore" : "pipe", "pipe", "pipe"],
	};
	let child: ChildProcess;
	try {
		if (options.shell !== undefined) child = spawn(options.shell, { ...settings, shell: true });
		else child = spawn(options.argv[0] ?? "", options.argv.slice(1), settings);
	} catch (error) {
		return { error };
	}
	if (child.pid === undefined) return { error: await new Promise<unknown>((resolve) => child.once("error", resolve)) };
	return { child, leader: child.pid };
}

/** Returns the system's code and a message about a program that did not start. */
export function describeStartError(
	error: unknown,
	options: ProcessOptions & ProcessCommand,
): { readonly code: string; readonly message: string } {
	const said = errnoCode(error) ?? "UNKNOWN";
	const program = options.argv?.[0] || "the program";
	// The system also reports EACCES for a missing program if a PATH directory is not searchable.
	const code = said === "EACCES" && isNowhere(program, options) ? "ENOENT" : said;
	if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") {
		// The system reports ENOENT for a missing working directory, too: that must not read as a
		// missing program.
		const kind = targetKind(options.cwd);
		if (kind === "missing") return { code, message: `the working directory ${options.cwd} does not exist` };
		if (kind !== "directory") return { code, message: `the working directory ${options.cwd} is not a directory` };
	}
	const sentences: Readonly<Record<string, string>> = {
		ENOENT: `${program} was not found`,
		EACCES: `${program} is not executable`,
		ENOEXEC: `${program} is not a program or a script with a "#!" line`,
		E2BIG: `the arguments and environment of ${program} are too long`,
	};
	const outOf = resourceError(program, error);
	if (outOf) return { code, message: `${outOf.message}: ${outOf.hint}` };
	const reason = error instanceof Error ? error.message : String(error);
	return { code, message: sentences[code] ?? `${program} could not be started: ${reason}` };
}

/** Returns whether no searchable directory of PATH has a file of this name. */
function isNowhere(name: string, { env, cwd }: ProcessOptions): boolean {
	if (name.includes("/")) return false;
	const directories = (env.PATH ?? "").split(delimiter);
	return directories.every((directory) => targetKind(resolve(cwd, directory, name)) !== "file");
}
