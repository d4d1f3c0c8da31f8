import type { Command } from "commander";
import type { CommandResult, Context } from "../context.ts";

/** Runs one command in the context of this process, prints its result and reports its errors. */
export type RunCommand = (command: (context: Context) => Promise<CommandResult>) => Promise<void>;

/**
 * Adds commands to the program: names, arguments, options and help. Each action imports its command when it is called:
 *
 *     parent(program, "benchmark", "benchmarks and their repositories")
 *     	.command("list")
 *     	.description("list the registered benchmarks")
 *     	.option("--json", "print one JSON document")
 *     	.action((options) =>
 *     		run(async (context) => (await import("../commands/benchmark-list.ts")).benchmarkList(options, context)),
 *     	);
 */
export type CommandGroup = (program: Command, run: RunCommand) => void;

/** Returns the parent command of a group (`agentv eval …`), and creates it on first use. */
export function parent(program: Command, name: string, description: string): Command {
	return program.commands.find((command) => command.name() === name) ?? program.command(name).description(description);
}
