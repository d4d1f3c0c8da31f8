import { type CommandGroup, parent } from "./command-group.ts";
import { timeSpan } from "./option-values.ts";

/** `agentv cache …`: what is kept below $AGENTV_HOME for speed alone. */
export const cacheCommands: CommandGroup = (program, run) => {
	parent(program, "cache", "tidy up what is kept for speed")
		.command("prune")
		.description("remove mirrors, model answers and kept workspaces that are old, and what killed runs left")
		.option("--older-than <age>", "what was not of use for so long: 90m, 12h, 30d, 2w (default: 30d)", timeSpan)
		.option("--all", "all that nobody uses, however new")
		.option("--dry-run", "say what would go, and remove nothing")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nNothing here is a result: mirrors are fetched again, answers asked again. What a running process uses\n" +
				"stays; results, bundles and benchmarks are never touched.\n" +
				"Exit code: 0 done, 1 something could not be removed.",
		)
		.action((options) =>
			run(async (context) => (await import("../commands/cache-prune.ts")).cachePrune(options, context)),
		);
};
