import { type Command, Option } from "commander";
import { count, fraction, positive, several } from "./option-values.ts";

/** Adds the options that select tests and configure runs. */
export function addRunChoices(command: Command): Command {
	command
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.option("--target <name>", "target to run against, instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--grader-target <name>", "model for grading, instead of those that evals and targets name")
		.option("--test <glob>", "only tests whose id matches, and their dependencies (repeatable)", several)
		.option("--tag <tag>", "only tests with this tag (repeatable)", several)
		.option("--exclude-tag <tag>", "exclude tests with this tag (repeatable)", several)
		.option("--limit <n>", "maximum number of tests per eval", count)
		.option("--benchmark <id>", "resolve eval paths relative to this benchmark (default: all its evals)")
		.option(
			"--workers <n>",
			"maximum number of concurrent tests (default: the eval's, else the number of cores)",
			count,
		)
		.option("--threshold <score>", "score needed to pass, 0 to 1", fraction)
		.option("--repeat <n>", "number of attempts per test", count)
		.option("--timeout <seconds>", "timeout for each answer of a target", positive)
		.option("--experiment <name>", "group the results under this name")
		.option("--durations-from <run>", "balance shards by the test durations of this run")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--keep-workspaces", "also keep the workspaces of passing tests")
		.option("--bail", "stop at the first failing test")
		.option(
			"--budget-usd <usd>",
			"stop starting tests once this much is spent, grading included; divided among shards (exits 4; continue with --resume)",
			positive,
		)
		.option("--cache", "reuse cached model responses for identical requests");
	return addAccessChoices(command);
}

/** Adds the options that grant evals access. */
export function addAccessChoices(command: Command): Command {
	return command
		.option(
			"--allow-outside <path>",
			"file or directory outside the evals' roots that evals may read (repeatable)",
			several,
		)
		.addOption(
			new Option(
				"--trust <what>",
				"run evals of synced benchmarks, received bundles and received runs without your consent",
			).choices(["any"]),
		);
}
