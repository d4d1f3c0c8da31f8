import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";

/** `agentv results merge`. */
export const mergeCommand: CommandGroup = (program, run) => {
	parent(program, "results", "look at the results of runs")
		.command("merge")
		.argument("<run...>", "shards of a run, and runs of what they left: directories or <experiment>/<time>")
		.description("put the shards of a run together and prove that nothing is missing, double or of another run")
		.requiredOption("--output <dir>", "new or empty directory for the merged run")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			`
What is missing is named, and run by \`agentv eval run --only-missing <dir>\`. Runs that contradict each other are not merged.

Exit code: 0 merged and complete, 1 something is missing, or nothing was written because the runs contradict each other, 2 wrong usage.`,
		)
		.action((runs, options) =>
			run(async (context) => (await import("../commands/results-merge.ts")).resultsMerge(runs, options, context)),
		);
};
