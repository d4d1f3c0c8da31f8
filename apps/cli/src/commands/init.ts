import { join, relative, resolve } from "node:path";
import { AgentvError, targetKind, writeAllOrNone } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { starterFiles } from "../starter/starter-files.ts";

/** `agentv init [directory]`: writes a working eval, all files or none; what is already there is never touched. */
export async function init(directory: string, context: Context): Promise<CommandResult> {
	const root = resolve(context.cwd, directory);
	const files = starterFiles();
	const taken = files.filter(({ path }) => targetKind(join(root, path)) !== "missing").map(({ path }) => path);
	if (taken.length > 0) {
		throw new AgentvError(
			"refused",
			`${taken.join(", ")} ${taken.length === 1 ? "is" : "are"} already there; nothing was written`,
			{
				hint: "name another directory: agentv init DIRECTORY",
			},
		);
	}
	writeAllOrNone(files.map(({ path, content }) => ({ path: join(root, path), content })));
	const shown = (path: string) => relative(context.cwd, join(root, path)) || path;
	const lines = [
		...files.map(({ path, purpose }) => `wrote ${shown(path).padEnd(38)} ${purpose}`),
		"",
		"Try it:",
		`  agentv eval validate ${shown("evals")}`,
		`  agentv eval ${shown("evals/greeting.eval.yaml")}`,
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}
