import { Option } from "commander";
import { runReporters } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, fraction, positive, several, shard } from "./option-values.ts";

/** `agentv eval run`, in short `agentv eval`. */
export const runCommands: CommandGroup = (program, run) => {
	parent(program, "eval", "validate and run evals")
		.command("run", { isDefault: true })
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.description("run evals against their targets and grade the answers (`agentv eval <evals>` is the short form)")
		.option("--target <name>", "target to run against, instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--test <glob>", "only tests whose id matches, and what they depend on (repeatable)", several)
		.option("--tag <tag>", "only tests with this tag (repeatable)", several)
		.option("--limit <n>", "at most so many tests of each eval", count)
		.option("--benchmark <id>", "evals of this benchmark: paths are relative to it, none means all")
		.option("--workers <n>", "tests at once (default: the eval's, else the number of cores)", count)
		.option("--threshold <score>", "score that a test must reach, 0 to 1", fraction)
		.option("--repeat <n>", "attempts of each test", count)
		.option("--timeout <seconds>", "time for each answer of a target", positive)
		.option("--experiment <name>", "group the results under this name")
		.option("--output <dir>", "directory for the results (default: a new one below .agentv/results/runs)")
		.option("--resume", "go on with the last run of these evals, or that of --run or --output")
		.option("--retry-errors", "the same, and run again what could not be run")
		.option("--run <run>", "the run to go on with: a directory, <experiment>/<time> or latest")
		.option("--shard <i/n>", "only the i-th of n parts of the tests; `agentv results merge` puts them together", shard)
		.option("--durations-from <run>", "balance the shards by how long tests took in this run")
		.option("--only-missing <run>", "only tests that this run planned and has no result of; needs no evals")
		.option("--env-file <file>", "variables that count before those of .env files")
		.option("--keep-workspaces", "keep the workspaces of passing tests, too")
		.option("--bail", "stop at the first test that does not pass")
		.option("--budget-usd <usd>", "start no more tests once this is spent (exit 4, --resume goes on)", positive)
		.option("--cache", "take answers of language models from earlier identical calls")
		.option("--dry-run", "print what would be run, and run nothing")
		.addOption(new Option("--reporter <name>", "how to report").choices(runReporters).default("text"))
		.option("--json", 'print {"run_dir", "summary"} as one JSON document and nothing else')
		.addHelpText(
			"after",
			"\nExit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 some test could not be run, 130 interrupted.",
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-run.ts")).evalRun(evals, { ...options, siblings }, context),
			);
		});
};
