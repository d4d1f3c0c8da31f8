import { type Command, Option } from "commander";
import { count, fraction, positive, several } from "./option-values.ts";

/** The options that say what is run and how, for every command that runs tests or prints commands that do. */
export function addRunChoices(command: Command): Command {
	command
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.option("--target <name>", "target to run against, instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--grader-target <name>", "model that grades, instead of those that evals and targets name")
		.option("--test <glob>", "only tests whose id matches, and what they depend on (repeatable)", several)
		.option("--tag <tag>", "only tests with this tag (repeatable)", several)
		.option("--exclude-tag <tag>", "leave out tests with this tag (repeatable)", several)
		.option("--limit <n>", "at most so many tests of each eval", count)
		.option("--benchmark <id>", "evals of this benchmark: paths are relative to it, none means all")
		.option("--workers <n>", "tests at once (default: the eval's, else the number of cores)", count)
		.option("--threshold <score>", "score that a test must reach, 0 to 1", fraction)
		.option("--repeat <n>", "attempts of each test", count)
		.option("--timeout <seconds>", "time for each answer of a target", positive)
		.option("--experiment <name>", "group the results under this name")
		.option("--durations-from <run>", "balance shards by how long tests took in this run")
		.option("--env-file <file>", "variables that count before those of .env files")
		.option("--keep-workspaces", "keep the workspaces of passing tests, too")
		.option("--bail", "stop at the first test that does not pass")
		.option(
			"--budget-usd <usd>",
			"stop starting tests once the run and its judging cost this much; a shard takes its share (exit 4, --resume goes on)",
			positive,
		)
		.option("--cache", "take answers of language models from earlier identical calls");
	return addAccessChoices(command);
}

/** The options that say what evals may read, for every command that runs them. */
export function addAccessChoices(command: Command): Command {
	return command
		.option(
			"--allow-outside <path>",
			"a file or directory outside of the evals' roots that they may read (repeatable)",
			several,
		)
		.addOption(
			new Option(
				"--trust <what>",
				"run evals of synced benchmarks, received bundles and received runs without your consent",
			).choices(["any"]),
		);
}
