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

/** Every group of commands, in the order in which help lists them. */
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

/** Commands that don't use `$AGENTV_HOME`, or check it themselves. */
const withoutHome: ReadonlySet<string> = new Set(["init", "schema", "doctor", "completion", "__complete"]);
/** Commands that only read `$AGENTV_HOME`, so that it may be read-only. */
const onlyReading: ReadonlySet<string> = new Set([
	...["benchmark list", "benchmark status", "eval validate", "eval matrix", "bundle verify", "bundle inspect"],
	...["list", "show", "compare", "export", "verify", "sign", "merge"].map((name) => `results ${name}`),
]);

/** Returns the command's name with its group's, for example `results list`. */
function wordsOf(command: Command): string {
	const group = command.parent?.parent ? `${command.parent.name()} ` : "";
	return group + command.name();
}

/** Receives what the program produces. */
export interface ProgramSink {
	readonly finish: (result: CommandResult) => void;
	/** Receives the parser's usage errors. */
	readonly complain: (text: string) => void;
}

/** Builds the command line. Each action imports its command when it is called. */
export function createProgram(context: Context, sink: ProgramSink, groups = commandGroups): Command {
	const program = new Command("agentv")
		.description("Evals for AI agents: sync, validate, bundle and run them.")
		.version(version, "-V, --version", "print the version")
		.option("--debug", "show error causes and stack traces")
		.option("--no-color", "disable colours")
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
		const words = wordsOf(command);
		if (withoutHome.has(words)) return;
		const { refuseUnusableHome } = await import("@agentv/core");
		refuseUnusableHome(context.env, { writes: !onlyReading.has(words) && command.opts().dryRun !== true });
	});
	for (const addCommands of groups) addCommands(program, async (command) => sink.finish(await command(context)));
	return program;
}
