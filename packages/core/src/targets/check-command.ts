import { isAbsolute } from "node:path";
import type { CommandSpec } from "../eval/command.ts";
import { resolveCommand } from "../eval/resolve-command.ts";
import { targetKind } from "../machine/files.ts";
import { findExecutable } from "../machine/run-process.ts";
import { asProblem, type TargetProblem, type TargetServices } from "./contract.ts";

/** Checks program and variables, but not a shell's text. */
export function checkCommand(command: CommandSpec, services: TargetServices): TargetProblem | undefined {
	try {
		const { argv, cwd, env } = resolveCommand(command, { ...services, defaultCwd: services.scope.directory });
		if (command.cwd && !cwd.includes("{") && targetKind(cwd) !== "directory") {
			const hint = "fix `cwd`, or create the directory";
			return { message: `the working directory ${cwd} does not exist or is not a directory`, hint };
		}
		const program = argv?.[0];
		if (program === undefined || program.includes("{")) return undefined;
		// A relative path can name a file that exists only in the test's workspace.
		if (program.includes("/") && !isAbsolute(program)) return undefined;
		if (findExecutable(program, env, cwd) !== undefined) return undefined;
		return isAbsolute(program)
			? {
					message: `${program} is not an executable file`,
					hint: "make it executable (chmod +x), or start it with its interpreter",
				}
			: {
					message: `the program ${JSON.stringify(program)} was not found`,
					hint: `install ${program}, or fix PATH`,
				};
	} catch (error) {
		return asProblem(error);
	}
}
