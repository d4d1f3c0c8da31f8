import type { Command } from "commander";
import { answerBash, answerFish, answerZsh, complete as candidatesFor } from "../completion/complete.ts";
import { readShellLine, type ShellName, shellScripts } from "../completion/shell-line.ts";
import type { CommandResult, Context } from "../context.ts";

/**
 * Runs `agentv __complete <shell> -- …`, which the completion scripts call. bash passes its word
 * breaks and the line up to the cursor, other shells the words after the program's name.
 */
export function completerOf(program: Command) {
	return (shell: ShellName, texts: readonly string[], _options: object, context: Context) =>
		complete(program, shell, texts, context);
}

async function complete(
	program: Command,
	shell: ShellName,
	texts: readonly string[],
	context: Context,
): Promise<CommandResult> {
	if (shell === "bash") {
		const [breaks = "", text = ""] = texts;
		const line = readShellLine(text, breaks);
		return answer(answerBash(await candidatesFor(program, line.words.slice(1), context), line));
	}
	const before = texts.slice(0, -1);
	const last = texts.at(-1) ?? "";
	// fish passes the last word with its quotes.
	const typed = shell === "fish" ? (readShellLine(last, "").words.at(-1) ?? "") : last;
	const candidates = await candidatesFor(program, [...before, typed], context);
	return answer(shell === "fish" ? answerFish(candidates) : answerZsh(candidates, typed));
}

function answer(text: string): CommandResult {
	return { text, exitCode: 0 };
}

export async function completion(shell: ShellName): Promise<CommandResult> {
	return { text: shellScripts[shell], exitCode: 0 };
}
