import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";

export const mergeCommand: CommandGroup = (program, run) => {
	parent(program, "results", "look at the results of runs")
		.command("merge")
		.argument("<run...>", "shard runs, plus follow-up runs of missing tests: directories or <experiment>/<time>")
		.description("merge the shards of a run and verify that nothing is missing, duplicated, or from a different run")
		.requiredOption("--output <dir>", "new or empty directory for the merged run")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			`
Lists missing tests; run them with \`agentv eval run --only-missing <dir>\`. Refuses to merge runs that contradict each other.

Exit code: 0 merged and complete, 1 tests are missing or the runs contradict each other, 2 wrong usage.`,
		)
		.action((runs, options) =>
			run(async (context) => (await import("../commands/results-merge.ts")).resultsMerge(runs, options, context)),
		);
};
