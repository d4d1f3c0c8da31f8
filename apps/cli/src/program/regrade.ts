import { Option } from "commander";
import { runReporters } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, positive, several } from "./option-values.ts";
import { addAccessChoices } from "./run-choices.ts";

export const regradeCommand: CommandGroup = (program, run) => {
	const command = parent(program, "results", "look at the results of runs").command("regrade");
	command
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("grade a run's recorded answers again with the current graders, as a new run without calling targets")
		.option("--grader <name>", "only graders with this name; keeps the other results (repeatable)", several)
		.option("--grader-target <name>", "model for grading, instead of those that evals and targets name")
		.option("--eval <path>", "eval file with the current graders (default: the run's own; repeatable)", several)
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--output <dir>", "directory for the new run (default: a new one under .agentv/results/runs)")
		.option("--workers <n>", "maximum number of concurrent tests", count)
		.option("--budget-usd <usd>", "stop starting tests once this much is spent (exits 4)", positive)
		.option("--cache", "reuse cached model responses for identical requests")
		.addOption(new Option("--reporter <name>", "output format").choices(runReporters).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			`
Uses the run's recorded answers, transcripts and diffs; rebuilds workspaces for graders that inspect them. A test
whose input, template or repositories changed is not graded; fix its eval, or run it again with \`agentv eval run --rerun-failed\`.

Exit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded, 130 interrupted.`,
		);
	addAccessChoices(command).action((which, options) =>
		run(async (context) => (await import("../commands/results-regrade.ts")).resultsRegrade(which, options, context)),
	);
};
