import { AgentvError } from "@agentv/core";
import type { Command, CommanderError } from "commander";

/** Converts the parser's error to a `usage` error, with its suggestion as the hint. */
export function usageError(error: CommanderError, program: Command, argv: readonly string[]): AgentvError {
	const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
	const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1");
	const help = `\`${namedCommand(program, argv)} --help\` lists the options.`;
	return new AgentvError("usage", message, { hint: suggestion === "" ? help : `${suggestion} ${help}` });
}

/** Returns the command that the words begin with. */
function namedCommand(program: Command, argv: readonly string[]): string {
	const names = [program.name()];
	let command = program;
	for (const word of argv) {
		const next = command.commands.find((candidate) => candidate.name() === word || candidate.aliases().includes(word));
		if (next === undefined) continue;
		names.push(next.name());
		command = next;
	}
	return names.join(" ");
}
