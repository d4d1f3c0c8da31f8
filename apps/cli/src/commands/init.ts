import { join, relative, resolve } from "node:path";
import { AgentvError, pathKind, repositoryRoot, writeAllOrNone } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type StarterFile, starterFiles } from "../starter/starter-files.ts";

/** Writes a working eval, all files or none; never overwrites existing files. */
export async function init(directory: string, context: Context): Promise<CommandResult> {
	const root = resolve(context.cwd, directory);
	const files = starterFiles();
	const isThere = ({ path }: StarterFile) => pathKind(join(root, path)) !== "missing";
	const taken = files.filter((file) => !file.isSupport && isThere(file)).map(({ path }) => path);
	if (taken.length > 0) {
		throw new AgentvError(
			"refused",
			`${taken.join(", ")} ${taken.length === 1 ? "is" : "are"} already there, so nothing was written`,
			{ hint: "Use another directory: agentv init <directory>." },
		);
	}
	const kept = new Set(files.filter((file) => file.isSupport && isThere(file)));
	const written = files.filter((file) => !kept.has(file));
	writeAllOrNone(written.map(({ path, content }) => ({ path: join(root, path), content })));
	const shown = (path: string) => relative(context.cwd, join(root, path)) || path;
	const width = Math.max(...files.map(({ path }) => shown(path).length));
	const inRepository = repositoryRoot(root) !== undefined;
	const lines = [
		...files.map((file) => {
			const [verb, note] = kept.has(file) ? ["kept ", "already exists"] : ["wrote", file.purpose];
			return `${verb} ${shown(file.path).padEnd(width)}  ${note}`;
		}),
		"",
		"Try it:",
		...(inRepository ? [`  git add ${shown("evals")} ${shown(".agentv/schemas")}`] : []),
		`  agentv eval validate ${shown("evals")}`,
		`  agentv eval ${shown("evals/greeting.eval.yaml")}`,
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}
