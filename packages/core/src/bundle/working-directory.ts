import { resolve } from "node:path";
import { type CommandSpec, meansFile, parseAsRun } from "../model/command.ts";
import type { Reference, ReferenceKind } from "../model/reference.ts";

/** Where a command runs, as far as it is known before it runs. */
export function workingDirectory(command: CommandSpec, kind: ReferenceKind, evalDirectory: string): string | undefined {
	if (command.cwd) return /\{\{/.test(command.cwd.raw) ? undefined : resolve(command.cwd.base, command.cwd.raw);
	return kind === "target-command" ? evalDirectory : command.base;
}

/** Whether a word stands behind another that names a file: then it may name something that the run makes. */
export function isLaterArgument({ word, command }: Reference): boolean {
	if (!word || !command) return false;
	const parsed = parseAsRun(command);
	return parsed.kind === "argv" && parsed.words.slice(0, word.index).some((earlier) => meansFile(earlier.text));
}
