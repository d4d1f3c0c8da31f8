import { Command } from "commander";
import type { CommandResult, Context } from "./context.ts";
import { benchmarkCommands } from "./program/benchmark.ts";
import { bundleCommands } from "./program/bundle.ts";
import { cacheCommands } from "./program/cache.ts";
import type { CommandGroup } from "./program/command-group.ts";
import { completionCommands } from "./program/completion.ts";
import { gettingStartedCommands } from "./program/getting-started.ts";
import { matrixCommand } from "./program/matrix.ts";
import { mergeCommand } from "./program/merge.ts";
import { recordCommand } from "./program/record.ts";
import { regradeCommand } from "./program/regrade.ts";
import { resultsCommands } from "./program/results.ts";
import { runCommands } from "./program/run.ts";
import { studioCommands } from "./program/studio.ts";
import { validateCommands } from "./program/validate.ts";
import { version } from "./version.ts";

/** Every group of commands, in the order in which help lists them. A group is offered once it does something. */
const commandGroups: readonly CommandGroup[] = [
	gettingStartedCommands,
	benchmarkCommands,
	validateCommands,
	bundleCommands,
	runCommands,
	matrixCommand,
	recordCommand,
	resultsCommands,
	regradeCommand,
	mergeCommand,
	studioCommands,
	cacheCommands,
	completionCommands,
];

/** Commands that keep and look for nothing in `$AGENTV_HOME`, or say themselves what is wrong with it. */
const withoutHome: ReadonlySet<string> = new Set(["init", "schema", "doctor", "completion", "complete"]);
/** Commands that write nothing there: they work with a directory that is read-only. */
const onlyReading: ReadonlySet<string> = new Set([
	...["validate", "verify", "list", "show", "status", "compare", "export", "matrix", "merge"],
]);

/** Where the program's outcomes go. */
export interface ProgramSink {
	readonly finish: (result: CommandResult) => void;
	/** Takes what the parser prints about a wrong command line. */
	readonly complain: (text: string) => void;
}

/** The whole command line: every command's name, options and help; each action imports its command when it is called. */
export function createProgram(context: Context, sink: ProgramSink, groups = commandGroups): Command {
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
	program.hook("preAction", async (_, command) => {
		if (withoutHome.has(command.name())) return;
		const { refuseUnusableHome } = await import("@agentv/core");
		refuseUnusableHome(context.env, { writes: !onlyReading.has(command.name()) });
	});
	for (const addCommands of groups) addCommands(program, async (command) => sink.finish(await command(context)));
	return program;
}
