import type { ShardPlan } from "../matrix/shard-command.ts";
import { shellWords } from "../matrix/shell-words.ts";

/** A command for each shard. */
export function matrixLines(shards: readonly ShardPlan[]): string {
	return shards.map(({ command }) => `${shellWords(command)}\n`).join("");
}
