import type { ShardPlan } from "../matrix/shard-command.ts";
import { shellWords } from "../matrix/shell-words.ts";

/** Returns one command per shard. */
export function matrixLines(shards: readonly ShardPlan[]): string {
	return shards.map(({ command }) => `${shellWords(command)}\n`).join("");
}
