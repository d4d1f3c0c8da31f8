import { Option } from "commander";
import { validationFormats } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { several } from "./option-values.ts";

/** `agentv eval validate`: the portability linter. */
export const validateCommands: CommandGroup = (program, run) => {
	parent(program, "eval", "validate and run evals")
		.command("validate")
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.description("check that evals are sound, self-contained and portable")
		.option("--fix", "mend in place what can be mended safely")
		.option("--dry-run", "with --fix: print the change as a diff, write nothing")
		.option("--migrate", "write today's spelling of older fields")
		.option("--pin", "pin workspace repositories to the commit that their remote has now")
		.addOption(new Option("--format <format>", "how to report").choices(validationFormats).default("text"))
		.option("--strict", "let warnings fail, too")
		.option("--quiet", "say only what fails")
		.option("--rule <id=level>", "set a rule to off, warn or error (repeatable)", several, [])
		.option("--benchmark <id>", "evals of this benchmark: paths are relative to it, none means all")
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--explain <rule>", "say why a rule exists, with an example, and how to mend what it finds")
		.addHelpText("after", "\nExit code: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage.")
		.action((evals, options) =>
			run(async (context) => (await import("../commands/eval-validate.ts")).evalValidate(evals, options, context)),
		);
};
