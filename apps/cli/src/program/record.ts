import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, several } from "./option-values.ts";
import { addAccessChoices } from "./run-choices.ts";

/** `agentv eval record`. */
export const recordCommand: CommandGroup = (program, run) => {
	addAccessChoices(
		parent(program, "eval", "validate and run evals")
			.command("record")
			.argument("<eval>", "an eval file")
			.description("ask an eval's target and write its answers for the replay provider; nothing is judged")
			.requiredOption("-o, --out <file>", "where the answers go, as JSON Lines")
			.option("--target <name>", "target to ask, instead of the eval's own", several)
			.option("--test <glob>", "only tests whose id matches (repeatable)", several)
			.option("--workers <n>", "tests at once", count)
			.option("--repeat <n>", "attempts of each test", count),
	).action((file, options) =>
		run(async (context) => (await import("../commands/eval-record.ts")).evalRecord(file, options, context)),
	);
};
