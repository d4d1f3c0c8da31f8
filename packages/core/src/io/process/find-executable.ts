import { delimiter, resolve } from "node:path";
import type { Environment } from "../environment.ts";
import { isExecutable } from "../files/stat-path.ts";

/**
 * Returns the absolute path at which the system would find the program `name`: a name with a slash
 * is relative to `cwd`, another is searched in `env.PATH`.
 */
export function findExecutable(name: string, env: Environment, cwd: string): string | undefined {
	if (name === "") return undefined;
	const extensions = process.platform === "win32" ? ["", ...(env.PATHEXT ?? ".EXE;.CMD;.BAT;.COM").split(";")] : [""];
	const isPath = name.includes("/") || (process.platform === "win32" && name.includes("\\"));
	const directories = isPath
		? [cwd]
		: (env.PATH ?? env.Path ?? "").split(delimiter).map((directory) => resolve(cwd, directory));
	for (const directory of directories) {
		for (const extension of extensions) {
			const candidate = resolve(directory, name + extension);
			if (isExecutable(candidate)) return candidate;
		}
	}
	return undefined;
}
