import { AgentvError } from "@agentv/core";
import type { ShardPlan } from "../matrix/shard-command.ts";
import { shellWords } from "../matrix/shell-words.ts";

const mostJobs = 256;

/** Returns the matrix of a GitHub Actions job as one line of JSON. */
export function matrixGithub(shards: readonly ShardPlan[]): string {
	if (shards.length > mostJobs)
		throw new AgentvError("usage", `GitHub runs at most ${mostJobs} jobs per matrix, not ${shards.length}`);
	const include = shards.map(({ shard, name, tests, output, command }) => ({
		...{ shard, name, tests, output },
		command: shellWords(command),
	}));
	return `${JSON.stringify({ include })}\n`;
}
