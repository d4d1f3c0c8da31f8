import { Option } from "commander";
import { matrixFormats } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, several, whole } from "./option-values.ts";
import { addRunChoices } from "./run-choices.ts";

/** `agentv eval matrix`. */
export const matrixCommand: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("matrix"))
		.description("print how to run evals in shards: commands, a GitHub Actions matrix or a Kubernetes Job")
		.requiredOption("--shards <n>", "how many shards", count)
		.addOption(new Option("--format <format>", "what to print").choices(matrixFormats).default("lines"))
		.option("--output <dir>", "where each shard gets a directory for its results (default: shards; k8s: /results)")
		.option("--image <image>", "k8s: the container image, with agentv, a shell and the evals")
		.option("--name <name>", "k8s: name of the Job (default: agentv- and the first eval's name)")
		.option("--claim <name>", "k8s: the PersistentVolumeClaim for the results (default: agentv-results)")
		.option("--secret <name>", "k8s: a Secret whose keys become environment variables (repeatable)", several)
		.option("--retries <n>", "k8s: how often a shard is tried again (default: 3)", whole)
		.option("--parallelism <n>", "k8s: shards at once (default: all)", count)
		.addHelpText(
			"after",
			`
Evals and options are checked as \`agentv eval run --dry-run\` checks them. Merge the shards' results with \`agentv results merge\`.

github: one line of JSON, for \`matrix: \${{ fromJSON(…) }}\`: shard, name, tests, output and command of each shard.
k8s: an Indexed Job. Failed tests (exit code 1) are not tried again; whatever else ends a shard is, and goes on where it was.
lines: a command for each shard.`,
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-matrix.ts")).evalMatrix(evals, { ...options, siblings }, context),
			);
		});
};
