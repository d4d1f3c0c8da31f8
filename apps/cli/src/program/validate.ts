import { Option } from "commander";
import { validationFormats } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { several } from "./option-values.ts";

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
