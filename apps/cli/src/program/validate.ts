import { formatNames } from "@agentv/core";
import { Argument, InvalidArgumentError, Option } from "commander";
import { shellNames } from "../completion/shell-line.ts";
import { type CommandGroup, parent, positive, several, validationFormats } from "./options.ts";

/** Adds `agentv eval validate`. */
export const validateCommands: CommandGroup = (program, run) => {
	parent(program, "eval", "validate and run evals")
		.command("validate")
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.description("check that evals are valid, self-contained and portable")
		.option("--fix", "apply safe fixes in place")
		.option("--dry-run", "with --fix: print the changes as a diff, without writing them")
		.option("--migrate", "migrate deprecated fields to their current names")
		.option("--pin", "pin workspace repositories to the current commits of their remotes")
		.addOption(new Option("--format <format>", "output format").choices(validationFormats).default("text"))
		.option("--strict", "treat warnings as errors")
		.option("--quiet", "only report failures")
		.option("--rule <id=level>", "set a rule to off, warn or error (repeatable)", several, [])
		.option("--benchmark <id>", "resolve eval paths relative to this benchmark (default: all its evals)")
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--explain <rule>", "explain a rule, with an example and how to fix its findings")
		.addHelpText("after", "\nExit code: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage.")
		.action((evals, options) =>
			run(async (context) => (await import("../commands/eval-validate.ts")).evalValidate(evals, options, context)),
		);
};

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
		.action((format) => run(async () => (await import("../commands/init.ts")).schema(format)));
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
			run(async (context) => (await import("../commands/maintenance.ts")).doctor(evals, options, context)),
		);
};

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

/** Adds `agentv completion <shell>` and the hidden command that its scripts call. */
export const completionCommands: CommandGroup = (program, run) => {
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
		.action((shell) => run(async () => (await import("../commands/completion.ts")).completion(shell)));
	program
		.command("__complete", { hidden: true })
		.addArgument(new Argument("<shell>").choices(shellNames))
		.argument("[words...]")
		.action((shell, words) =>
			run(async (context) => (await import("../commands/completion.ts")).complete(program, shell, words, context)),
		);
};
