import type { RunChoices } from "../run/run-options.ts";

/** Options that every shard passes to `eval run`. */
export type ShardChoices = RunChoices & { readonly durationsFrom?: string };

/** Options with a value, in the order of the help. */
const valued = [
	["target", "--target"],
	["targets", "--targets"],
	["graderTarget", "--grader-target"],
	["test", "--test"],
	["tag", "--tag"],
	["excludeTag", "--exclude-tag"],
	["limit", "--limit"],
	["benchmark", "--benchmark"],
	["workers", "--workers"],
	["threshold", "--threshold"],
	["repeat", "--repeat"],
	["timeout", "--timeout"],
	["experiment", "--experiment"],
	["durationsFrom", "--durations-from"],
	["envFile", "--env-file"],
	["budgetUsd", "--budget-usd"],
	["allowOutside", "--allow-outside"],
	["trust", "--trust"],
] as const;

const flags = [
	["keepWorkspaces", "--keep-workspaces"],
	["bail", "--bail"],
	["cache", "--cache"],
] as const;

/** Returns the arguments common to all shards: evals, then options. */
export function shardArguments(evals: readonly string[], choices: ShardChoices): string[] {
	return [
		// A path that begins with a dash would be read as an option.
		...evals.map((path) => (path.startsWith("-") ? `./${path}` : path)),
		...valued.flatMap(([key, option]) => [choices[key] ?? []].flat().flatMap((value) => [option, String(value)])),
		...flags.flatMap(([key, option]) => (choices[key] ? [option] : [])),
	];
}

export interface ShardPlan {
	/** `2/4`. */
	readonly shard: string;
	/** `2-of-4`: name of its directory. */
	readonly name: string;
	/** Number of tests × targets. */
	readonly tests: number;
	/** Value for `--output`. */
	readonly output: string;
	/** Program and arguments. */
	readonly command: readonly string[];
}

/** @param sizes tests × targets of each shard */
export function shardPlans(args: readonly string[], sizes: readonly number[], output: string): ShardPlan[] {
	return sizes.map((tests, index) => {
		const shard = `${index + 1}/${sizes.length}`;
		const name = shard.replace("/", "-of-");
		const place = `${output.replace(/(?<!\/)\/+$/, "")}/${name}`;
		const command = ["agentv", "eval", "run", ...args, "--shard", shard, "--output", place];
		return { shard, name, tests, output: place, command };
	});
}
