import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, several } from "./option-values.ts";
import { addAccessChoices } from "./run-choices.ts";

export const recordCommand: CommandGroup = (program, run) => {
	addAccessChoices(
		parent(program, "eval", "validate and run evals")
			.command("record")
			.argument("<eval>", "eval file")
			.description("record a target's answers for the replay provider, without grading them")
			.requiredOption("-o, --out <file>", "output file (JSON Lines)")
			.option("--target <name>", "target to record, instead of the eval's own", several)
			.option("--test <glob>", "only tests whose id matches (repeatable)", several)
			.option("--workers <n>", "maximum number of concurrent tests", count)
			.option("--repeat <n>", "number of attempts per test", count),
	).action((file, options) =>
		run(async (context) => (await import("../commands/eval-record.ts")).evalRecord(file, options, context)),
	);
};
