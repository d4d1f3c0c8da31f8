import { formatNames } from "@agentv/core";
import { Argument } from "commander";
import { shellNames } from "../completion/shell-line.ts";
import { type CommandGroup, number, positive, several, timeSpan } from "./options.ts";

export const gettingStartedCommands: CommandGroup = (program, action) => {
	program
		.command("init")
		.argument("[directory]", "target directory", ".")
		.description("create a small working eval with an offline target")
		.action(action(async () => (await import("../commands/machine.ts")).init, "none"));
	program
		.command("schema")
		.addArgument(new Argument("<format>", "file format").choices(formatNames))
		.description("print the JSON Schema of a file format")
		.action(action(async () => (await import("../commands/machine.ts")).schema, "none"));
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
		.action(action(async () => (await import("../commands/machine.ts")).doctor, "none"));
};

const port = number("a port from 0 to 65535", (value) => Number.isInteger(value) && value >= 0 && value < 65_536);

export const studioCommands: CommandGroup = (program, action) => {
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
		.action(action(async () => (await import("../commands/studio.ts")).studio));
};

export const cacheCommands: CommandGroup = (program, action) => {
	program
		.command("cache")
		.description("manage cached data")
		.command("prune")
		.description("remove old mirrors, model answers and kept workspaces, and leftovers of killed runs")
		.option(
			"--older-than <age>",
			"only entries unused for at least this long: 90m, 12h, 30d, 2w (default: 30d)",
			timeSpan,
		)
		.option("--all", "all unused entries, regardless of age")
		.option("--dry-run", "list what would be removed, without removing it")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nMirrors are fetched and answers requested again when needed. Entries in use by a running process,\n" +
				"results, bundles and benchmarks are never removed.\n" +
				"Exit code: 0 done, 1 an entry could not be removed.",
		)
		.action(action(async () => (await import("../commands/machine.ts")).cachePrune));
};

/** Also adds the hidden command that the completion scripts call. */
export const completionCommands: CommandGroup = (program, action) => {
	program
		.command("completion")
		.addArgument(new Argument("<shell>", "shell").choices(shellNames))
		.description("print the shell completion script")
		.addHelpText(
			"after",
			'\nbash: in ~/.bashrc: eval "$(agentv completion bash)"\n' +
				"zsh:  in ~/.zshrc, after compinit: source <(agentv completion zsh)\n" +
				"fish: agentv completion fish > ~/.config/fish/completions/agentv.fish",
		)
		.action(action(async () => (await import("../commands/machine.ts")).completion, "none"));
	program
		.command("__complete", { hidden: true })
		.addArgument(new Argument("<shell>").choices(shellNames))
		.argument("[words...]")
		.action(action(async () => (await import("../commands/machine.ts")).completerOf(program), "none"));
};
