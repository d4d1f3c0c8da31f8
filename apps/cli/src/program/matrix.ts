import { Option } from "commander";
import { matrixFormats } from "./choices.ts";
import type { CommandGroup } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, several, whole } from "./option-values.ts";
import { addRunChoices } from "./run-choices.ts";

export const matrixCommand: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("matrix"))
		.description("print how to run evals in shards: commands, a GitHub Actions matrix or a Kubernetes Job")
		.requiredOption("--shards <n>", "number of shards", count)
		.addOption(new Option("--format <format>", "output format").choices(matrixFormats).default("lines"))
		.option("--output <dir>", "parent directory of the shards' results (default: shards; k8s: /results)")
		.option("--image <image>", "k8s: container image with agentv, a shell and the evals")
		.option("--name <name>", "k8s: name of the Job (default: agentv-<name of the first eval>)")
		.option("--claim <name>", "k8s: PersistentVolumeClaim for the results (default: agentv-results)")
		.option("--secret <name>", "k8s: Secret whose keys become environment variables (repeatable)", several)
		.option("--retries <n>", "k8s: number of retries per shard (default: 3)", whole)
		.option("--parallelism <n>", "k8s: maximum number of concurrent shards (default: all)", count)
		.addHelpText(
			"after",
			`
Checks evals and options like \`agentv eval run --dry-run\`. Merge the shards' results with \`agentv results merge\`.

github: one line of JSON for \`matrix: \${{ fromJSON(…) }}\`: shard, name, tests, output and command of each shard.
k8s: an Indexed Job. Failed tests (exit code 1) are not retried; a shard that ends otherwise is retried and resumes.
lines: one command per shard.`,
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-matrix.ts")).evalMatrix(evals, { ...options, siblings }, context),
			);
		});
};
