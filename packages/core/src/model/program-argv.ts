import { extname } from "node:path";
import type { Environment } from "../io/environment.ts";
import { findExecutable } from "../io/process/find-executable.ts";
import { nodeExecutable } from "../io/process/node-executable.ts";

export type ProgramArgv =
	| { readonly ok: true; readonly argv: readonly string[] }
	| { readonly ok: false; readonly message: string };

const interpreters: Readonly<Record<string, string>> = { ".py": "python3", ".sh": "sh" };

/**
 * Returns how a script without a command is run: `.mjs` and `.js` by this Node, `.py` by `python3`,
 * `.sh` by `sh`, `.ts` by `bun` or `tsx`, whichever is installed.
 */
export function programArgv(file: string, env: Environment, cwd: string): ProgramArgv {
	const ending = extname(file).toLowerCase();
	if (ending === ".mjs" || ending === ".js" || ending === ".cjs") return { ok: true, argv: [nodeExecutable, file] };
	const interpreter = interpreters[ending];
	if (interpreter !== undefined) return { ok: true, argv: [interpreter, file] };
	if (ending === ".ts" || ending === ".mts") {
		const found = ["bun", "tsx"].find((name) => findExecutable(name, env, cwd) !== undefined);
		if (found) return { ok: true, argv: [found, file] };
		return { ok: false, message: `${file} needs \`bun\` or \`tsx\`, but neither is installed` };
	}
	return {
		ok: false,
		message: `don't know how to run ${file}: unsupported extension (expected .mjs, .js, .ts, .py or .sh)`,
	};
}
