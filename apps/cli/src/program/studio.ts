import { InvalidArgumentError } from "commander";
import type { CommandGroup } from "./command-group.ts";
import { several } from "./option-values.ts";

/** Adds `agentv studio`. */
export const studioCommands: CommandGroup = (program, run) => {
	program
		.command("studio")
		.description("open the web app for benchmarks, evals, runs and results")
		.option("--port <number>", "port to listen on (default: 3117, or the next free one)", port)
		.option("--host <address>", "interface to listen on", "127.0.0.1")
		.option("--allow-host <name>", "additional host name to accept requests for (repeatable)", several, [])
		.option("--no-open", "do not open a browser")
		.option("--read-only", "disable everything that changes anything")
		.option(
			"--token <token>",
			"access token, at least 22 characters; prefer $AGENTV_STUDIO_TOKEN, which process lists don't show (default: random)",
		)
		.action((options) => run(async (context) => (await import("../commands/studio.ts")).studio(options, context)));
};

function port(text: string): number {
	const number = Number(text);
	if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
	throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}
