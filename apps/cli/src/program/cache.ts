import { type CommandGroup, parent } from "./command-group.ts";
import { timeSpan } from "./option-values.ts";

/** Adds `agentv cache …`. */
export const cacheCommands: CommandGroup = (program, run) => {
	parent(program, "cache", "manage cached data")
		.command("prune")
		.description("remove old mirrors, model answers and kept workspaces, and leftovers of killed runs")
		.option(
			"--older-than <age>",
			"only entries unused for at least this long: 90m, 12h, 30d, 2w (default: 30d)",
			timeSpan,
		)
		.option("--all", "all unused entries, regardless of age")
		.option("--dry-run", "list what would be removed, without removing it")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nMirrors are fetched and answers requested again when needed. Entries in use by a running process,\n" +
				"results, bundles and benchmarks are never removed.\n" +
				"Exit code: 0 done, 1 an entry could not be removed.",
		)
		.action((options) =>
			run(async (context) => (await import("../commands/cache-prune.ts")).cachePrune(options, context)),
		);
};
