import { Option } from "commander";
import { runReporters } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { shard } from "./option-values.ts";
import { addRunChoices } from "./run-choices.ts";

/** Adds `agentv eval run`, the default of `agentv eval`. */
export const runCommands: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("run", { isDefault: true }))
		.description("run evals against their targets and grade the answers (short form: `agentv eval <evals>`)")
		.option("--output <dir>", "directory for the results (default: a new one under .agentv/results/runs)")
		.option("--resume", "resume the last run of these evals (or the run given by --run or --output)")
		.option("--retry-errors", "like --resume, but also retry tests that were not graded")
		.option("--rerun-changed", "with --resume, --retry-errors or --only-missing: rerun tests that changed since")
		.option("--run <run>", "run to resume: a directory, <experiment>/<time> or latest")
		.option("--shard <i/n>", "only shard i of n (combine the results with `agentv results merge`)", shard)
		.option("--only-missing <run>", "only tests without a result in this run (evals need not be given)")
		.option(
			"--rerun-failed <run>",
			"rerun the tests of this run that did not pass, as a new run (evals need not be given)",
		)
		.option("--dry-run", "show what would be run, without running it")
		.addOption(new Option("--reporter <name>", "output format").choices(runReporters).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			"\nExit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded (takes precedence over 1), 130 interrupted.",
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-run.ts")).evalRun(evals, { ...options, siblings }, context),
			);
		});
};
