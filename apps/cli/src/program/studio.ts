import { InvalidArgumentError } from "commander";
import type { CommandGroup } from "./command-group.ts";
import { several } from "./option-values.ts";

/** `agentv studio`: the web app. */
export const studioCommands: CommandGroup = (program, run) => {
	program
		.command("studio")
		.description("open the web app: benchmarks, evals, runs and results")
		.option("--port <number>", "port to listen on (default: 3117, or the next free one)", port)
		.option("--host <address>", "interface to listen on", "127.0.0.1")
		.option("--allow-host <name>", "a further name under which requests are answered (repeatable)", several, [])
		.option("--no-open", "do not open a browser")
		.option("--read-only", "offer nothing that changes anything")
		.option(
			"--token <token>",
			"token of 22 characters or more; $AGENTV_STUDIO_TOKEN keeps it out of process lists (default: a random one)",
		)
		.action((options) => run(async (context) => (await import("../commands/studio.ts")).studio(options, context)));
};

function port(text: string): number {
	const number = Number(text);
	if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
	throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}
