import { formatNames } from "@agentv/core";
import { Argument } from "commander";
import type { CommandGroup } from "./command-group.ts";

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
};
