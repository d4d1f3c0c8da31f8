import { createOutputRedactor } from "@agentv/core";
import { Command, CommanderError } from "commander";
import { type CommandResult, type Context, type Output, usageError, version } from "./context.ts";
import { safeOutput } from "./output/terminal.ts";
import { benchmarkCommands, bundleCommands } from "./program/bundle.ts";
import { evalCommands } from "./program/eval.ts";
import { cacheCommands, completionCommands, gettingStartedCommands, studioCommands } from "./program/machine.ts";
import type { CommandGroup, MakeAction } from "./program/options.ts";
import { resultsCommands } from "./program/results.ts";

/**
 * Runs one command line (without `node` and the script) and returns its exit code; never throws.
 */
export async function main(
	argv: readonly string[],
	machine: Omit<Context, "debug">,
	groups?: readonly CommandGroup[],
): Promise<number> {
	const redact = createOutputRedactor(machine.env);
	const context: Context = {
		...machine,
		stdout: safeOutput(machine.stdout, redact),
		stderr: safeOutput(machine.stderr, redact),
		debug: beforeDashes(argv).includes("--debug"),
	};
	let result: CommandResult = { text: "", exitCode: 0 };
	const complaints: string[] = [];
	const finish = (finished: CommandResult) => {
		result = finished;
	};
	const program = createProgram(context, { finish, complain: (text) => complaints.push(text) }, groups);
	try {
		await program.parseAsync(argv, { from: "user" });
		await print(result, context.stdout);
		return result.exitCode;
	} catch (thrown) {
		if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0; // requested help
		if (thrown instanceof CommanderError && thrown.code === "commander.help") {
			context.stderr.write(complaints.join("")); // help because no command was given
			return 2;
		}
		const error = thrown instanceof CommanderError ? usageError(thrown, program, argv) : thrown;
		const { reportError } = await import("./output/error.ts");
		const report = await reportError(error, context);
		context.stderr.write(report.text);
		return report.exitCode;
	}
}

const printedAtOnce = 64 * 1024;

async function print({ text, kind }: CommandResult, stdout: Output): Promise<void> {
	if (typeof text === "string") return stdout.write(text, kind);
	let waiting = "";
	for (const piece of text) {
		waiting += piece;
		if (waiting.length < printedAtOnce) continue;
		stdout.write(waiting, kind ?? "document");
		waiting = "";
		if ((await stdout.drained?.()) === false) return;
	}
	stdout.write(waiting, kind ?? "document");
}

function beforeDashes(argv: readonly string[]): readonly string[] {
	const dashes = argv.indexOf("--");
	return dashes === -1 ? argv : argv.slice(0, dashes);
}

/** In the order of the help. */
const commandGroups: readonly CommandGroup[] = [
	gettingStartedCommands,
	benchmarkCommands,
	evalCommands,
	bundleCommands,
	resultsCommands,
	studioCommands,
	cacheCommands,
	completionCommands,
];

interface ProgramSink {
	readonly finish: (result: CommandResult) => void;
	readonly complain: (text: string) => void;
}

/** Builds the command line; each action imports its command when it is called. */
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
	for (const addCommands of groups) addCommands(program, actionMaker(context, sink));
	return program;
}

function actionMaker(context: Context, { finish }: ProgramSink): MakeAction {
	return (load, home = "writes") =>
		async (...args) => {
			const command = args.pop() as Command;
			let options = command.opts();
			// A parent's option of the same name may have taken it: `agentv bundle verify <dir> --json`.
			for (let group = command.parent; group?.parent; group = group.parent) options = { ...group.opts(), ...options };
			options = { ...options, ...(args.pop() as object) };
			if (home !== "none") {
				const { refuseUnusableHome } = await import("@agentv/core");
				refuseUnusableHome(context.env, { writes: home === "writes" && options.dryRun !== true });
			}
			const run = (await load()) as (...args: unknown[]) => Promise<CommandResult>;
			finish(await run(...args, options, context));
		};
}
