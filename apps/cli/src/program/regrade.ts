import { Option } from "commander";
import { runReporters } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, positive, several } from "./option-values.ts";
import { addAccessChoices } from "./run-choices.ts";

/** `agentv results regrade`. */
export const regradeCommand: CommandGroup = (program, run) => {
	const command = parent(program, "results", "look at the results of runs").command("regrade");
	command
		.argument("[run]", "a directory, <experiment>/<time> or latest", "latest")
		.description("grade a run's recorded answers with today's graders, without calling its targets, into a new run")
		.option("--grader <name>", "only the graders of this name; the other results are kept (repeatable)", several)
		.option("--grader-target <name>", "model that grades, instead of those that evals and targets name")
		.option("--eval <path>", "eval file with today's graders (default: the run's own; repeatable)", several)
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--output <dir>", "directory for the new run (default: a new one below .agentv/results/runs)")
		.option("--workers <n>", "maximum number of concurrent tests", count)
		.option("--budget-usd <usd>", "stop starting tests once this much is spent (exits 4)", positive)
		.option("--cache", "reuse cached model responses for identical requests")
		.addOption(new Option("--reporter <name>", "output format").choices(runReporters).default("text"))
		.option("--json", 'print {"run_dir", "summary"} as one JSON document and nothing else')
		.addHelpText(
			"after",
			`
Needs only what the run kept: answers, transcripts and diffs. Workspaces are rebuilt for graders that look at them. A test
whose input, template or repositories changed is not graded; fix its eval, or run it again with \`agentv eval run --rerun-failed\`.

Exit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded, 130 interrupted.`,
		);
	addAccessChoices(command).action((which, options) =>
		run(async (context) => (await import("../commands/results-regrade.ts")).resultsRegrade(which, options, context)),
	);
};
