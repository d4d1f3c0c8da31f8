import type { ShellName } from "../completion/shell-names.ts";
import { shellScripts } from "../completion/shell-scripts.ts";
import type { CommandResult } from "../context.ts";

export async function completion(shell: ShellName): Promise<CommandResult> {
	return { text: shellScripts[shell], exitCode: 0 };
}
