import { AgentvError } from "@agentv/core";
import type { ShardPlan } from "../matrix/shard-command.ts";
import { shellWords } from "../matrix/shell-words.ts";

const mostJobs = 256;

/** One line of JSON: the matrix of a job in GitHub Actions. */
export function matrixGithub(shards: readonly ShardPlan[]): string {
	if (shards.length > mostJobs)
		throw new AgentvError("usage", `GitHub runs at most ${mostJobs} jobs of a matrix, not ${shards.length}`);
	const include = shards.map(({ shard, name, tests, output, command }) => ({
		...{ shard, name, tests, output },
		command: shellWords(command),
	}));
	return `${JSON.stringify({ include })}\n`;
}
