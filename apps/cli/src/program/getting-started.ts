import { formatNames } from "@agentv/core";
import { Argument } from "commander";
import type { CommandGroup } from "./command-group.ts";
import { positive, several } from "./option-values.ts";

/** What one needs before the first run: a starter eval, and the formats for editors. */
export const gettingStartedCommands: CommandGroup = (program, run) => {
	program
		.command("init")
		.argument("[directory]", "where to put it", ".")
		.description("write a small eval that works, with an offline target")
		.action((directory) => run(async (context) => (await import("../commands/init.ts")).init(directory, context)));
	program
		.command("schema")
		.addArgument(new Argument("<format>", "file format").choices(formatNames))
		.description("print the JSON Schema of a file format")
		.action((format) => run(async () => (await import("../commands/schema.ts")).schema(format)));
	program
		.command("doctor")
		.argument("[evals...]", "eval files, directories, globs; default: all below the current directory")
		.description("look whether what AgentV and the evals here need is installed and set, and say what to do")
		.option("--target <name>", "look at this target instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--benchmark <id>", "evals of this benchmark: paths are relative to it, none means all")
		.option(
			"--online",
			"also ask the remotes of benchmarks, and whether the servers of targets answer; no key goes to those",
		)
		.option("--timeout <seconds>", "with --online: time for each question", positive, 10)
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nChanges nothing and runs no command of an eval: programs are looked for, and well-known ones asked for\n" +
				"their version. Keys are told by name alone.\n" +
				"Exit code: 0 nothing is missing, 1 something needed is, 2 wrong usage.",
		)
		.action((evals, options) =>
			run(async (context) => (await import("../commands/doctor.ts")).doctor(evals, options, context)),
		);
};
