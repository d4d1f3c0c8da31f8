import { Command } from "commander";
import type { CommandResult, Context } from "./context.ts";
import { version } from "./version.ts";

/** Where the program's outcomes go. */
export interface ProgramSink {
	readonly finish: (result: CommandResult) => void;
	/** Takes what the parser prints about a wrong command line. */
	readonly complain: (text: string) => void;
}

/**
 * Every command's name, options and help. A group of commands is a file of program/; each action there imports its
 * command when it is called, so that no command pays for another.
 */
export function createProgram(context: Context, sink: ProgramSink): Command {
	const program = new Command("agentv")
		.description("Evals for AI agents: sync, validate, bundle and run them.")
		.version(version, "-V, --version", "print the version")
		.option("--debug", "show causes and stacks of errors")
		.option("--no-color", "never use colours")
		.helpOption("-h, --help", "show help")
		.showSuggestionAfterError(true)
		.exitOverride()
		.configureOutput({
			writeOut: (text) => context.stdout.write(text),
			writeErr: sink.complain,
			getOutHelpWidth: () => context.stdout.columns,
			getErrHelpWidth: () => context.stderr.columns,
			getOutHasColors: () => context.stdout.color,
			getErrHasColors: () => context.stderr.color,
		});
	return program;
}
