import { formatNames } from "@agentv/core";
import { Argument } from "commander";
import type { CommandGroup } from "./command-group.ts";
import { positive, several } from "./option-values.ts";

/** Adds the commands for the time before the first run: `init`, `schema` and `doctor`. */
export const gettingStartedCommands: CommandGroup = (program, run) => {
	program
		.command("init")
		.argument("[directory]", "target directory", ".")
		.description("create a small working eval with an offline target")
		.action((directory) => run(async (context) => (await import("../commands/init.ts")).init(directory, context)));
	program
		.command("schema")
		.addArgument(new Argument("<format>", "file format").choices(formatNames))
		.description("print the JSON Schema of a file format")
		.action((format) => run(async () => (await import("../commands/schema.ts")).schema(format)));
	program
		.command("doctor")
		.argument("[evals...]", "eval files, directories, globs (default: all under the current directory)")
		.description("check that everything AgentV and these evals need is installed and configured")
		.option("--target <name>", "target to check, instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--benchmark <id>", "resolve eval paths relative to this benchmark (default: all its evals)")
		.option("--online", "also contact benchmark remotes and target servers (no API keys are sent)")
		.option("--timeout <seconds>", "with --online: timeout for each request", positive, 10)
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nRead-only: never runs an eval's commands. It checks that executables exist and asks known ones for\n" +
				"--version. Secrets are reported by variable name, never by value.\n" +
				"Exit code: 0 nothing is missing, 1 something is missing, 2 wrong usage.",
		)
		.action((evals, options) =>
			run(async (context) => (await import("../commands/doctor.ts")).doctor(evals, options, context)),
		);
};
