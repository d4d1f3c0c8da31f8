import { Option } from "commander";
import { runReporters } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { shard } from "./option-values.ts";
import { addRunChoices } from "./run-choices.ts";

/** `agentv eval run`, in short `agentv eval`. */
export const runCommands: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("run", { isDefault: true }))
		.description("run evals against their targets and grade the answers (`agentv eval <evals>` is the short form)")
		.option("--output <dir>", "directory for the results (default: a new one below .agentv/results/runs)")
		.option("--resume", "go on with the last run of these evals, or that of --run or --output")
		.option("--retry-errors", "the same, and retry tests that were not graded")
		.option("--rerun-changed", "with --resume, --retry-errors or --only-missing: run again what has changed since")
		.option("--run <run>", "the run to go on with: a directory, <experiment>/<time> or latest")
		.option("--shard <i/n>", "only the i-th of n parts of the tests; `agentv results merge` puts them together", shard)
		.option("--only-missing <run>", "only tests that this run planned and has no result of; needs no evals")
		.option("--rerun-failed <run>", "only tests of this run that did not pass, in a new run; needs no evals")
		.option("--dry-run", "print what would be run, and run nothing")
		.addOption(new Option("--reporter <name>", "how to report").choices(runReporters).default("text"))
		.option("--json", 'print {"run_dir", "summary"} as one JSON document and nothing else')
		.addHelpText(
			"after",
			"\nExit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 some test was not graded (whatever the others did), 130 interrupted.",
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-run.ts")).evalRun(evals, { ...options, siblings }, context),
			);
		});
};
